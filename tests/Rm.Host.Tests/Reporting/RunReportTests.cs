using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Rm.Host.Reporting.Html;
using Rm.Host.Tests.EndToEnd;
using Rm.Training.Statistics;

namespace Rm.Host.Tests.Reporting;

/// <summary>What <c>btrm report</c> writes: the figures in it, its size, and that nothing in the data can leave its place.</summary>
public sealed partial class RunReportTests
{
    [Fact]
    public void The_figures_are_those_of_the_run()
    {
        using var scratch = new ScratchFolder();
        JsonNode data = DataOf(Page(MadeRun.Write(scratch, "run")));

        Assert.Equal("run", (string?)data["title"]);
        Assert.Equal("completed", (string?)data["status"]);
        JsonNode best = data["figures"]!.AsArray()[0]!;
        Assert.Equal("Best model's accuracy", (string?)best["label"]);
        Assert.Equal(0.75, (double)best["value"]!);

        // Two pairs of a prompt are not independent: the interval is that of btrm analyze.
        var accuracy = AccuracyEstimate.Of(MadeRun.Rows(80));
        Assert.Equal(accuracy.Low, (double)best["low"]!, 5);
        Assert.Equal(accuracy.High, (double)best["high"]!, 5);
        Assert.Equal("40", data["rows"]!["best"]!["clusters"]!.ToJsonString());
        Assert.Equal([("domain", 40), ("domain", 40)], data["rows"]!["best"]!["groups"]!.AsArray()
            .Where(g => (string?)g!["by"] == "domain").Select(g => ((string)g!["by"]!, (int)g["pairs"]!)));
        Assert.Equal(60, data["train"]!["columns"]!["loss"]!.AsArray().Count);
        Assert.Equal(6, data["eval"]!["columns"]!["accuracy"]!.AsArray().Count);
        Assert.Equal("10", data["eval"]!["columns"]!["step"]!.AsArray()[0]!.ToJsonString());
        Assert.Equal(20.5, (double)data["train"]!["columns"]!["gpu_memory_gib_mean"]!.AsArray()[3]!);

        JsonNode rows = data["rows"]!["best"]!;
        Assert.Equal(80, rows["histogram"]!["chosen"]!.AsArray().Sum(n => (double)n!));
        Assert.Equal(80, rows["histogram"]!["rejected"]!.AsArray().Sum(n => (double)n!));
        Assert.Equal(80, rows["reliability"]!.AsArray().Sum(bin => (double)bin!["count"]!));
        Assert.Equal(80, rows["length"]!["bins"]!.AsArray().Sum(bin => (double)bin!["count"]!));
        Assert.Equal(80, rows["length"]!["x"]!.AsArray().Count);
        Assert.Equal("1812", data["data_report"]!["train"]!["pairs_read"]!.ToJsonString());

        JsonNode sample = data["samples"]!.AsArray()[0]!;
        Assert.Equal("eval.jsonl:1", (string?)sample["place"]);
        Assert.Equal("[1,2,3,4]", sample["chosen"]!["ids"]!.ToJsonString());
        Assert.Equal(4, sample["rewards"]!.AsArray().Count);
        Assert.EndsWith(MadeRun.Hostile, (string?)sample["chosen"]!["text"], StringComparison.Ordinal);
    }

    [Fact]
    public void Reliability_bins_hold_the_pairs_of_their_confidence()
    {
        using var scratch = new ScratchFolder();
        JsonArray bins = DataOf(Page(MadeRun.Write(scratch, "run")))["rows"]!["best"]!["reliability"]!.AsArray();

        // Gaps of 0.50 to 0.59 are confidences of 0.622 to 0.643, those of 0.41 to 0.5 (the wrong ones) 0.601 to 0.622: one bin holds all.
        JsonNode bin = Assert.Single(bins)!;
        Assert.Equal((0.6, 0.65), ((double)bin["from"]!, (double)bin["to"]!));
        Assert.Equal(0.75, (double)bin["right"]!);
        Assert.InRange((double)bin["confidence"]!, 0.60, 0.65);
    }

    [Fact]
    public void Hostile_texts_stay_texts()
    {
        using var scratch = new ScratchFolder();
        string page = Page(MadeRun.Write(scratch, "run<script>window.hacked=1<!--"));
        Assert.Equal(3, ClosingScript().Count(page));
        Assert.DoesNotContain("<script>window.hacked", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<img", page, StringComparison.Ordinal);
        Assert.Contains("default-src 'none'", page, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe-inline", page, StringComparison.Ordinal);

        // The library's own comment names its home; nothing else is an address.
        Assert.All(Address().Matches(page.Replace("\\u0022", "\"", StringComparison.Ordinal)).Select(m => m.Value), address => Assert.True(
            address.StartsWith("https://github.com/leeoniya/uPlot", StringComparison.Ordinal)
                || address is "http://www.w3.org/2000/svg" or "http://127.0.0.1:9/x", address));
    }

    [Fact]
    public void A_long_run_makes_no_long_page()
    {
        using var scratch = new ScratchFolder();
        string folder = MadeRun.Write(scratch, "run", steps: 20_000, pairs: 6000, samples: 60);
        string page = Page(folder);
        JsonNode data = DataOf(page);
        Assert.True((bool)data["train"]!["thinned"]!);
        Assert.True((bool)data["samples_cut"]!);
        Assert.InRange(data["rows"]!["best"]!["length"]!["x"]!.AsArray().Count, 1000, 1500);
        Assert.InRange(page.Length, 100_000, 1_200_000);
        Assert.True(new FileInfo(Path.Combine(folder, "metrics.jsonl")).Length > 3 * page.Length);
    }

    [Fact]
    public void A_run_that_has_just_begun_has_a_page()
    {
        using var scratch = new ScratchFolder();
        scratch.Write("run/run.json", "{}");
        JsonNode data = DataOf(Page(scratch["run"]));
        Assert.Equal("not finished", (string?)data["status"]);
        Assert.Empty(data["samples"]!.AsArray());
    }

    [Fact]
    public void A_line_that_is_being_written_is_left_out()
    {
        using var scratch = new ScratchFolder();
        string folder = MadeRun.Write(scratch, "run", finished: false);
        File.AppendAllText(Path.Combine(folder, "metrics.jsonl"), "{\"step\":61,\"lo");
        Assert.Equal(60, DataOf(Page(folder))["train"]!["columns"]!["step"]!.AsArray().Count);
    }

    [Theory]
    [InlineData("metrics.jsonl", "line 1")]
    [InlineData("samples.jsonl", "line 1")]
    [InlineData("eval-rows/last.jsonl", "line 1")]
    [InlineData("run.json", "not valid JSON")]
    [InlineData("result.json", "not valid JSON")]
    public void A_damaged_file_is_named(string file, string what)
    {
        using var scratch = new ScratchFolder();
        string path = Path.Combine(MadeRun.Write(scratch, "run"), file);
        File.WriteAllText(path, "[broken\n" + File.ReadAllText(path));
        Btrm.Fail(2, ["report", scratch["run"]], path, what);
    }

    [Fact]
    public void A_folder_without_runs_is_refused()
    {
        using var scratch = new ScratchFolder();
        Btrm.Fail(2, ["report", scratch.Path], "holds no run");
        Btrm.Fail(2, ["report", scratch["nothing"], "--serve"], "holds no run");
        MadeRun.Write(scratch, "run");
        Btrm.Fail(2, ["report", scratch["run"], "--serve", "--output", scratch["x.html"]], "--serve or --output");
        Btrm.Fail(1, ["report", scratch["run"], "--output", scratch["no/such/folder/x.html"]], "cannot be written");
    }

    [Fact]
    public void A_folder_of_runs_has_an_overview_that_leads_to_each()
    {
        using var scratch = new ScratchFolder();
        string[] names = ["sweep/a", "sweep/b b", "sweep/javascript:hacked=1"];
        foreach (string name in names)
        {
            MadeRun.Write(scratch, name);
        }

        Directory.CreateDirectory(scratch["sweep/logs"]);
        Assert.Equal(scratch["sweep/report.html"], Btrm.Succeed("report", scratch["sweep"]).Output.Trim());
        JsonNode data = DataOf(File.ReadAllText(scratch["sweep/report.html"]));
        Assert.Equal(["./a/report.html", "./b%20b/report.html", "./javascript%3Ahacked%3D1/report.html"],
            data["runs"]!.AsArray().Select(run => (string)run!["link"]!));
        Assert.All(names, name => Assert.True(File.Exists(scratch[$"{name}/report.html"])));

        // lr differs between these runs, the other settings are shared.
        Assert.Equal(["lr"], data["different"]!.AsObject().Select(p => p.Key));
        Assert.Equal(MadeRun.Hostile, (string?)data["settings"]!["system-prompt"]);
        Assert.Equal(0.75, (double)data["runs"]!.AsArray()[0]!["best_accuracy"]!);

        Btrm.Succeed("report", scratch["sweep"], "--output", scratch["elsewhere.html"]);
        Assert.Equal("./sweep/a/report.html", (string?)DataOf(File.ReadAllText(scratch["elsewhere.html"]))["runs"]!.AsArray()[0]!["link"]);
    }

    private static string Page(string folder)
    {
        string path = Btrm.Succeed("report", folder).Output.Trim();
        Assert.Equal(Path.Combine(folder, ReportFiles.FileName), path);
        return File.ReadAllText(path);
    }

    /// <summary>What the page's scripts will read.</summary>
    internal static JsonNode DataOf(string page) => JsonNode.Parse(DataElement().Match(page).Groups[1].Value)!;

    [GeneratedRegex("<script type=\"application/json\" id=\"data\"[^>]*>(.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex DataElement();

    [GeneratedRegex("</script", RegexOptions.IgnoreCase)]
    private static partial Regex ClosingScript();

    [GeneratedRegex(@"https?://[^\s""'`<>\\)]+")]
    private static partial Regex Address();
}
