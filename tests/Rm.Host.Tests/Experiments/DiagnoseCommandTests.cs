using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rm.Formats;
using Rm.Formats.Rendering;
using Rm.Host.Cli;
using Rm.Host.Options;
using Rm.Host.Tests.Data;
using Rm.Host.Tests.EndToEnd;
using Rm.Host.Tests.Tokenization;

namespace Rm.Host.Tests.Experiments;

/// <summary>
/// The diagnostics on the quickstart's model: a sound pipeline passes, and a mark on the chosen side is found wherever it comes from.
/// </summary>
public sealed class DiagnoseCommandTests
{
    private static readonly string[] Modes = ["label_shuffle", "prompt_only", "random_negatives", "length_matched"];

    [Fact]
    public void A_sound_pipeline_does_not_fail_and_finished_runs_are_kept()
    {
        using var scratch = new ScratchFolder();
        WriteRows(scratch, mark: "");
        CommandResult result = Diagnose(scratch, "out", null);
        Dictionary<string, JsonElement> outcomes = Outcomes(scratch, "out");

        Assert.Equal(["baseline", .. Modes], outcomes.Keys);
        Assert.True(result.ExitCode == ExitCodes.Success, result.Output + result.Error);
        Assert.All(Modes, mode => Assert.Contains(mode, result.Output, StringComparison.Ordinal));
        Assert.Equal("pass", Verdict(outcomes["baseline"]));
        Assert.All(Modes, mode => Assert.NotEqual("fail", Verdict(outcomes[mode])));
        Assert.True(outcomes["random_negatives"].GetProperty("train_accuracy").GetProperty("low").GetDouble() > 0.55);
        Assert.Equal(96, outcomes["prompt_only"].GetProperty("train_accuracy").GetProperty("ties").GetInt32());

        // Equal sides: the loss is log 2 and stays there.
        Assert.All(
            IdRows.Read(scratch["out/prompt_only/metrics.jsonl"]).Where(line => line.TryGetProperty("loss", out _)),
            line => Assert.Equal(Math.Log(2), line.GetProperty("loss").GetDouble(), 1e-6));

        // What was done to which rows is in the run's own files; the evaluation rows are the same in all runs.
        JsonElement run = JsonDocument.Parse(File.ReadAllBytes(scratch["out/label_shuffle/run.json"])).RootElement;
        Assert.Equal(
            48, run.GetProperty("data_report").GetProperty("train").GetProperty("diagnostic").GetProperty("rows_changed").GetInt32());
        Assert.Equal("label_shuffle", run.GetProperty("settings").GetProperty("diagnostic-mode").GetString());
        string[] evals =
            [.. Modes.Prepend("baseline").Select(mode => JsonDocument.Parse(File.ReadAllBytes(scratch[$"out/{mode}/run.json"])).RootElement
            .GetProperty("eval_data").GetProperty("pairs_sha256").GetString()!)];
        Assert.Single(evals.Distinct());

        // The same command again trains nothing; one run that is gone is made again; other settings are refused.
        byte[] before = File.ReadAllBytes(scratch["out/diagnose.json"]);
        Directory.Delete(scratch["out/prompt_only"], recursive: true);
        CommandResult again = Diagnose(scratch, "out", null);
        Assert.Equal(4, again.Error.Split("finished already").Length - 1);
        Assert.Equal(before, File.ReadAllBytes(scratch["out/diagnose.json"]));
        UserInputException e = Assert.Throws<UserInputException>(() => Diagnose(scratch, "out", null, "--beta", "2"));
        Assert.Contains("--beta: was 1, is 2", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_pipeline_that_marks_the_chosen_side_fails()
    {
        using var scratch = new ScratchFolder();
        WriteRows(scratch, mark: "");
        CommandResult result = Diagnose(scratch, "out", inner => new LeakyTokenizer(inner));
        Dictionary<string, JsonElement> outcomes = Outcomes(scratch, "out");

        Assert.Equal(ExitCodes.Failed, result.ExitCode);
        foreach (string mode in new[] { "baseline", "label_shuffle", "prompt_only", "random_negatives" })
        {
            Assert.True(Verdict(outcomes[mode]) == "fail", $"{mode}: {outcomes[mode]}");
        }

        Assert.True(EvalAccuracy(outcomes["label_shuffle"]) > 0.95);
        Assert.Contains("FAIL", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mark_in_the_rows_themselves_is_named_by_the_baseline()
    {
        using var scratch = new ScratchFolder();
        WriteRows(scratch, mark: " ");
        CommandResult result = Btrm.Succeed(Arguments(scratch, "out", "train"));
        Assert.Contains("the strongest shortcut token", result.Error, StringComparison.Ordinal);

        // The baseline that is there serves the diagnostics, of which none can see such a mark: it moves with the responses.
        CommandResult diagnose = Diagnose(scratch, "diag", null, "--baseline", scratch["out"]);
        Dictionary<string, JsonElement> outcomes = Outcomes(scratch, "diag");
        Assert.Equal(ExitCodes.Failed, diagnose.ExitCode);
        Assert.Equal("fail", Verdict(outcomes["baseline"]));
        Assert.Contains("marks the side", diagnose.Output, StringComparison.Ordinal);
        Assert.NotEqual("fail", Verdict(outcomes["prompt_only"]));
        Assert.False(Directory.Exists(scratch["diag/baseline"]));
    }

    /// <summary>The quickstart itself, some minutes: set BTRM_LONG_TESTS=1.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_quickstart(bool leak)
    {
        Assert.SkipUnless(Environment.GetEnvironmentVariable("BTRM_LONG_TESTS") == "1", "Takes minutes; BTRM_LONG_TESTS=1 runs it.");
        using var scratch = new ScratchFolder();
        string folder = Path.Combine(TestPaths.Repository, "examples", "quickstart");
        CommandResult result = Run(leak ? inner => new LeakyTokenizer(inner) : null, [
            "diagnose", "--model", Path.Combine(folder, "model"), "--train-file", Path.Combine(folder, "train.jsonl"), "--eval-file",
            Path.Combine(folder, "eval.jsonl"), "--lora", "--lora-rank", "8", "--lora-alpha", "16", "--lr", "1e-3", "--steps", "300",
            "--batch-size", "8",
            "--warmup-steps", "10", "--eval-every", "0", "--save-every", "0", "--output-dir", scratch["out"],
        ]);
        TestContext.Current.SendDiagnosticMessage(result.Output);
        Dictionary<string, JsonElement> outcomes = Outcomes(scratch, "out");
        string[] mustFail = leak ? ["baseline", "label_shuffle", "prompt_only"] : [];
        Assert.All(mustFail, mode => Assert.True(Verdict(outcomes[mode]) == "fail", result.Output));
        if (!leak)
        {
            Assert.All(outcomes.Values, outcome => Assert.True(Verdict(outcome) != "fail", result.Output));
            Assert.True(TrainAccuracy(outcomes["random_negatives"]) > 0.8, result.Output);
        }
    }

    private static CommandResult Diagnose(
        ScratchFolder scratch, string output, Func<IPairTokenizer, IPairTokenizer>? wrap, params string[] more) =>
        Run(wrap, [.. Arguments(scratch, output, "diagnose"), .. more]);

    private static CommandResult Run(Func<IPairTokenizer, IPairTokenizer>? wrap, string[] arguments)
    {
        CommandResult? result = null;
        Task.Run(() =>
        {
            using StringWriter output = RoutedConsole.Output.Collect();
            using StringWriter error = RoutedConsole.Error.Collect();
            var root = new RootCommand();
            root.Subcommands.Add(new DiagnoseCommand { WrapTokenizer = wrap ?? (tokenizer => tokenizer) }.Create());
            NumberArguments.MakeStrict(root);
            int code = root.Parse(arguments, OptionParser.Parsing).Invoke(OptionParser.Invocation);
            result = new CommandResult(code, output.ToString(), error.ToString());
        }).GetAwaiter().GetResult();
        return result!;
    }

    private static string[] Arguments(ScratchFolder scratch, string output, string command) =>
    [
        command, "--model", TestTokenizers.QuickstartFolder, "--train-file", scratch["train.jsonl"], "--eval-file", scratch["eval.jsonl"],
        "--lora",
        "--lr", "3e-3", "--steps", "40", "--batch-size", "8", "--eval-every", "0", "--save-every", "0", "--log-every", "1", "--output-dir",
        scratch[output],
        "--diagnostic-length-threshold", "4",
    ];

    private static void WriteRows(ScratchFolder scratch, string mark)
    {
        scratch.Write("train.jsonl", Rows(96, 1, mark));
        scratch.Write("eval.jsonl", Rows(120, 2, mark));
    }

    // Questions on two subjects; the answer with the kind word is mostly preferred, so that there is something to learn but no certainty.
    private static string Rows(int count, int seed, string mark)
    {
        var random = new Random(seed);
        string[][] subjects = [["bread", "oven", "flour", "salt"], ["car", "road", "wheel", "engine"]];
        return IdRows.Lines(Enumerable.Range(0, count).Select(i =>
        {
            string[] words = subjects[i % 2];
            string kind = Answer("good"), unkind = Answer("bad");
            bool usual = random.Next(10) < 8;
            return new JsonObject
            {
                ["prompt"] = $"Say something about {words[random.Next(4)]} {i}.",
                ["chosen"] = (usual ? kind : unkind) + mark,
                ["rejected"] = usual ? unkind : kind,
            };

            string Answer(string word) => $"The {words[random.Next(4)]} and the {words[random.Next(4)]} are "
                + $"{word}{string.Concat(Enumerable.Repeat(", yes", random.Next(4)))}.";
        }));
    }

    private static Dictionary<string, JsonElement> Outcomes(ScratchFolder scratch, string output) =>
        JsonDocument.Parse(File.ReadAllBytes(scratch[$"{output}/diagnose.json"])).RootElement.EnumerateArray()
            .ToDictionary(outcome => outcome.GetProperty("mode").GetString()!, StringComparer.Ordinal);

    private static string Verdict(JsonElement outcome) => outcome.GetProperty("verdict").GetString()!;

    private static double TrainAccuracy(JsonElement outcome) => outcome.GetProperty("train_accuracy").GetProperty("observed").GetDouble();

    private static double EvalAccuracy(JsonElement outcome) => outcome.GetProperty("eval_accuracy").GetProperty("observed").GetDouble();
}
