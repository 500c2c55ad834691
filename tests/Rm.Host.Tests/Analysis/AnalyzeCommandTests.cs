using System.Text.Json.Nodes;
using Rm.Host.Analysis;
using Rm.Host.Tests.EndToEnd;
using Rm.Training.Statistics;

namespace Rm.Host.Tests.Analysis;

/// <summary><c>btrm analyze</c> on files, as a user calls it.</summary>
public sealed class AnalyzeCommandTests
{
    private static readonly string Golden = Path.Combine(TestPaths.Golden, "analysis");

    [Fact]
    public void A_folder_of_runs_is_compared_in_every_format()
    {
        using var scratch = new ScratchFolder();
        string table = Btrm.Succeed("analyze", Golden, "--output", scratch["out"]).Output;
        Assert.Contains("| base   | accuracy    | 20         | 0               | 0.001 | 42   | 60    | done  |   164 |       61 | 59.1 "
            + "[50.6, 67.2] |", table, StringComparison.Ordinal);
        Assert.Contains("Best models against warm", table, StringComparison.Ordinal);
        Assert.Contains("- base is 0.6 points below warm (95% -9.6 to +8.3): within noise, 0.1 standard errors, p = 1.", table,
            StringComparison.Ordinal);
        Assert.Contains(
            "- base, smooth, warm: 2 of 164 evaluation rows repeat a pair that is there already.", table, StringComparison.Ordinal);
        Assert.DoesNotContain("\u001b", table, StringComparison.Ordinal);

        string markdown = Btrm.Succeed("analyze", Golden, "--format", "markdown").Output;
        Assert.Equal(File.ReadAllText(scratch["out/analysis.md"]), markdown);
        Assert.Contains("## Best models against warm", markdown, StringComparison.Ordinal);
        foreach (string block in markdown.Split("\n\n").Where(b => b.StartsWith('|')))
        {
            Assert.Single(block.TrimEnd().Split('\n').Select(line => line.Replace("\\|", "", StringComparison.Ordinal).Count(c => c == '|'))
                .Distinct());
        }

        string json = Btrm.Succeed("analyze", Golden, "--format", "json", "--compare", "final", "--baseline", "base").Output;
        Assert.Equal(("final", "base"), (Text(json, "model"), Text(json, "reference")));
        Assert.Equal("best", Text(File.ReadAllText(scratch["out/analysis.json"]), "model"));

        string[] runs = Btrm.Succeed("analyze", Golden, "--format", "csv").Output.Split("\r\n");
        Assert.Equal(File.ReadAllText(scratch["out/runs.csv"]).Split("\r\n"), runs);
        Assert.StartsWith("run,path,state,step,setting:best-metric,setting:eval-every,setting:label-smoothing,setting:lr", runs[0],
            StringComparison.Ordinal);
        Assert.Equal(5, runs.Length);
        Assert.Equal(1 + (3 * 2 * 17), File.ReadAllLines(scratch["out/groups.csv"]).Length);
        Assert.Equal(1 + (3 * 2 * 10), File.ReadAllLines(scratch["out/reliability.csv"]).Length);
        Assert.Equal(1 + 2, File.ReadAllLines(scratch["out/comparisons.csv"]).Length);

        static string Text(string json, string name) => JsonNode.Parse(json)!["comparisons"]![name]!.GetValue<string>();
    }

    [Fact]
    public void Unfinished_and_broken_runs_are_listed_and_stop_nothing()
    {
        using var scratch = new ScratchFolder();
        CopyGolden(scratch, "good", "better", "damaged", "torn");
        File.Delete(scratch["sweep/torn/result.json"]);
        File.AppendAllText(scratch["sweep/torn/metrics.jsonl"], """{"step":70,"epo""");
        string[] lines = File.ReadAllLines(scratch["sweep/damaged/eval-rows/last.jsonl"]);
        lines[6] = lines[6][..40];
        File.WriteAllLines(scratch["sweep/damaged/eval-rows/last.jsonl"], lines);
        scratch.Write("sweep/early/.lock", "");
        scratch.Write("sweep/logs/slurm.out", "");

        string table = Btrm.Succeed("analyze", scratch["sweep"]).Output;
        Assert.Contains("unfinished, step 60 of 60", table, StringComparison.Ordinal);
        Assert.Contains(
            $"damaged is broken: {scratch["sweep/damaged/eval-rows/last.jsonl"]}: line 7 is not", table, StringComparison.Ordinal);
        Assert.Contains("early is broken", table, StringComparison.Ordinal);
        Assert.Contains("Not compared, because not finished or without evaluation: damaged, early, torn.", table, StringComparison.Ordinal);
        Assert.Contains("against better", table, StringComparison.Ordinal);
        Btrm.Fail(2, ["analyze", scratch["sweep/damaged"]], "last.jsonl: line 7 ");
        Btrm.Fail(2, ["analyze", scratch["sweep/damaged/eval-rows/last.jsonl"]], "last.jsonl: line 7 ");
    }

    [Theory]
    [InlineData("run.json", "[]", "run.json: expected a JSON object")]
    [InlineData("run.json", """{"settings":{"lr":1}}""", "run.json: settings.lr is 1; expected a text")]
    [InlineData("metrics.jsonl", "{}\n", "metrics.jsonl: line 1: step is missing")]
    [InlineData("metrics.jsonl", "{\"step\":1}\n{\"step\":2,\n", "metrics.jsonl: line 2: not valid JSON")]
    [InlineData("metrics.jsonl", "{\"step\":1,\"eval_loss\":1,\"eval_pairs\":0}\n",
        "metrics.jsonl: line 1: eval_pairs is 0; expected a whole number from 1")]
    [InlineData("result.json", """{"end":7}""", "result.json: end is 7")]
    [InlineData("eval-rows/best.jsonl", "", "best.jsonl: holds no evaluation rows")]
    [InlineData("eval-rows/best.jsonl", "{}\n", "best.jsonl: line 1 ")]
    public void A_damaged_file_is_named(string file, string content, string message)
    {
        using var scratch = new ScratchFolder();
        CopyGolden(scratch, "run");
        scratch.Write($"sweep/run/{file}", content);
        RunInput run = RunReader.ReadRun(scratch["sweep/run"], "run");
        Assert.Equal(RunCompletion.Broken, run.State);
        Assert.Contains(message, run.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public void Runs_without_rows_fall_back_on_their_metrics()
    {
        using var scratch = new ScratchFolder();
        CopyGolden(scratch, "old", "older");
        Directory.Delete(scratch["sweep/old/eval-rows"], recursive: true);
        Directory.Delete(scratch["sweep/older/eval-rows"], recursive: true);
        var report = AnalysisReport.Of(RunFinder.Read([scratch["sweep"]]));
        RunAnalysis old = report.Runs[0];
        Assert.Equal((FigureSource.Metrics, 60, 97), (old.Best!.Source, old.Best.Step, old.Best.Accuracy.Correct));
        Assert.Equal(WilsonInterval.Of(97, 164), (old.Best.Accuracy.Low, old.Best.Accuracy.High), new Near(1e-12));
        Assert.Contains("has no eval-rows", old.Notes[0], StringComparison.Ordinal);
        Assert.Equal((0.0, 1.0), (report.Comparisons!.Items[0].Difference, report.Comparisons.Items[0].P));
        Assert.Contains("as independent samples", report.Comparisons.Items[0].Words, StringComparison.Ordinal);
        Btrm.Succeed("analyze", scratch["sweep"], "--output", scratch["out"]);
    }

    [Fact]
    public void Names_tell_runs_apart()
    {
        using var scratch = new ScratchFolder();
        CopyGolden(scratch, "a", "b");
        Directory.CreateDirectory(scratch["other"]);
        Directory.Move(scratch["sweep/b"], scratch["other/a"]);
        string[] paths = [scratch["sweep"], scratch["other/a"], scratch["sweep/a/"], scratch["sweep/a/eval-rows/best.jsonl"],
            scratch["other/a/eval-rows/best.jsonl"]];
        Assert.Equal(["sweep/a", "other/a", "sweep/a/eval-rows/best.jsonl", "other/a/eval-rows/best.jsonl"],
            RunFinder.Read(paths).Select(r => r.Name));
    }

    [Fact]
    public void Usage_errors_say_what_to_do()
    {
        using var scratch = new ScratchFolder();
        Directory.CreateDirectory(scratch["empty"]);
        Btrm.Fail(2, ["analyze", scratch["nothing"]], "nothing: no such file or folder");
        Btrm.Fail(2, ["analyze", scratch["empty"]], "empty: holds no run");
        Btrm.Fail(2, ["analyze"], "analyze");
        Btrm.Fail(2, ["analyze", Golden, "--format", "tabel"], "--format 'tabel'", "table");
        Btrm.Fail(2, ["analyze", Golden, "--compare", "last"], "best, final");
        Btrm.Fail(2, ["analyze", Golden, "--baseline", "bass"], "--baseline 'bass'", "base, smooth, warm");
        Btrm.Fail(2, ["analyze", Golden, "--output", Path.Combine(Golden, "coarse.jsonl", "x")], "--output");
    }

    [Fact]
    public void Rows_of_another_run_are_noticed()
    {
        using var scratch = new ScratchFolder();
        CopyGolden(scratch, "mixed");
        File.Copy(Path.Combine(Golden, "warm/eval-rows/last.jsonl"), scratch["sweep/mixed/eval-rows/last.jsonl"], overwrite: true);
        var run = RunAnalysis.Of(RunReader.ReadRun(scratch["sweep/mixed"], "mixed"));
        Assert.Contains(run.Notes, note => note.StartsWith(
            "eval-rows/last.jsonl (164 rows, accuracy 57.3%) does not belong to the evaluation at step 60", StringComparison.Ordinal));
    }

    // Copies of the golden run "base" under these names.
    private static void CopyGolden(ScratchFolder scratch, params string[] names)
    {
        foreach (string name in names)
        {
            foreach (string file in new[] { "run.json", "metrics.jsonl", "result.json", "eval-rows/best.jsonl", "eval-rows/last.jsonl" })
            {
                scratch.Write($"sweep/{name}/{file}", File.ReadAllText(Path.Combine(Golden, "base", file)));
            }
        }
    }
}
