using Rm.Host.Analysis;
using Rm.Host.Tests.EndToEnd;
using Rm.Host.Tests.Tokenization;

namespace Rm.Host.Tests.Analysis;

/// <summary>
/// Damaged files of a run: the analysis names what is wrong or takes it as it is; nothing is thrown, and everything can be written.
/// </summary>
public sealed class AnalysisFuzzTests
{
    private static readonly string[] Files = ["run.json", "metrics.jsonl", "result.json", "eval-rows/best.jsonl", "eval-rows/last.jsonl"];

    [Theory]
    [InlineData("run.json", 1)]
    [InlineData("metrics.jsonl", 2)]
    [InlineData("result.json", 3)]
    [InlineData("eval-rows/best.jsonl", 4)]
    [InlineData("eval-rows/last.jsonl", 5)]
    public void Damage_breaks_one_run_and_no_more(string file, int seed)
    {
        using var scratch = new ScratchFolder();
        foreach (string name in Files)
        {
            // A few rows are enough to damage, and quick to analyse.
            string[] lines = File.ReadAllLines(Path.Combine(TestPaths.Golden, "analysis", "base", name));
            string text = string.Join('\n', name.EndsWith(".jsonl", StringComparison.Ordinal) ? lines.TakeLast(12) : lines) + '\n';
            scratch.Write($"good/{name}", text);
            scratch.Write($"bad/{name}", text);
        }

        RunInput good = RunReader.ReadRun(scratch["good"], "good");
        Assert.Equal(RunCompletion.Completed, good.State);
        byte[] valid = File.ReadAllBytes(scratch[$"good/{file}"]);
        int firstSeed = FuzzSettings.FirstSeed(seed), iterations = FuzzSettings.Iterations(150, cost: 10);
        int broken = 0;
        for (int i = 0; i < iterations; i++)
        {
            byte[] damaged = Mutations.Of(new Random(firstSeed + i), valid);
            File.WriteAllBytes(scratch[$"bad/{file}"], damaged);
            try
            {
                RunInput bad = RunReader.ReadRun(scratch["bad"], "bad");
                broken += bad.State == RunCompletion.Broken ? 1 : 0;
                Assert.True(bad.State != RunCompletion.Broken || bad.Problem!.Contains(Path.GetFileName(file), StringComparison.Ordinal),
                    bad.Problem);
                var report = AnalysisReport.Of([good, bad]);
                AnalysisJson.Write(report);
                AnalysisMarkdown.Write(report);
                AnalysisCsv.Runs(report);
                AnalysisCsv.Groups(report);
                AnalysisCsv.Comparisons(report);
                AnalysisConsole.Write(report, TextWriter.Null, 80);
            }
            catch (Exception e) when (e is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"{file}, seed {firstSeed + i}: {e}\n{Convert.ToBase64String(damaged)}");
            }
        }

        Assert.True(iterations < 50 || (broken > 0 && broken < iterations), $"{broken} of {iterations} broken");
    }
}
