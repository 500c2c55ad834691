using Rm.Host.Experiments;
using Rm.Host.Tests.EndToEnd;
using Rm.Host.Tests.Repository;

namespace Rm.Host.Tests.Experiments;

/// <summary>
/// The sweeps that are shipped: every run of the training guide's tables has a command line that train accepts, and the quickstart's one
/// runs.
/// </summary>
public sealed class ExampleSweepTests
{
    [Theory]
    [InlineData("v3", "A0 A1 A2 A3 B0 B1 B2-attention B2 C0 C1 D0 D1 F0 F1 F2 F3")]
    [InlineData("v4", "V4-0 V4-1a V4-1b V4-2a V4-2b V4-3 V4-4 V4-5 V4-6a V4-6b V4-7 V4-8")]
    [InlineData("v5", "D1 D2 D3 D4 C1 M1a M1b S1a S1b S1c S2a S2b S3 A1 A2")]
    public void The_guides_experiments_are_there_and_parse(string table, string ids)
    {
        using var scratch = new ScratchFolder();
        string file = Path.Combine(TestPaths.Repository, "examples", "sweeps", $"{table}.json");
        CommandResult result = Btrm.Succeed("sweep", file, "--output-dir", scratch["out"], "--dry-run");
        Assert.Equal(ids.Split(' ').Length, result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        var plan = SweepPlan.Make(SweepFile.Read(file), scratch["out"]);
        Assert.Equal(ids, string.Join(' ', plan.Runs.Select(r => r.Name)));
        Assert.All(plan.Runs, r => Assert.False(string.IsNullOrWhiteSpace(r.Run.Note), $"{r.Name} has no note"));

        // Two runs of one table that resolve to the same settings would be one experiment.
        Assert.Equal(
            plan.Runs.Count, plan.Runs.Select(r => string.Join('\n', r.Resolved.Select(s => $"{s.Key}={s.Value}"))).Distinct().Count());
        Assert.All(plan.Runs, r =>
            Assert.Equal(("1024", "0.05", "5000"), (r.Resolved["max-seq-len"], r.Resolved["label-smoothing"], r.Resolved["limit"])));
    }

    [Fact]
    public void The_guides_best_run_is_among_them()
    {
        using var scratch = new ScratchFolder();
        var plan =
            SweepPlan.Make(SweepFile.Read(Path.Combine(TestPaths.Repository, "examples", "sweeps", "v5.json")), scratch["out"]);
        IReadOnlyDictionary<string, string> best = Assert.Single(plan.Select(["S1c"])).Resolved;
        Assert.Equal(("0.1", "5E-05", "4", "32"), (best["score-regularization-lambda"], best["lr"], best["lora-rank"], best["lora-alpha"]));
        Assert.Equal("0", best["early-stopping-patience"]);
    }

    [Fact]
    public void The_quickstarts_sweep_runs()
    {
        using var scratch = new ScratchFolder();
        string text = RepositoryFiles.Read("examples/quickstart/sweep.json");
        string file = scratch.Write("sweep.json", text
            .Replace("examples/quickstart/", $"{TestPaths.Repository}/examples/quickstart/", StringComparison.Ordinal)
            .Replace("\"steps\": 16", "\"eval-limit\": 4, \"steps\": 2", StringComparison.Ordinal));
        Assert.Contains("1 finished, 3 missing of 4 runs",
            Btrm.Succeed("sweep", file, "--output-dir", scratch["out"], "--only", "lr=1e-3_lora-rank=8").Output, StringComparison.Ordinal);
    }
}
