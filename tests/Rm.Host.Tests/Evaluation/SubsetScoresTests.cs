using System.Text.Json;
using System.Text.Json.Nodes;
using Rm.Formats.Rendering;
using Rm.Host.Tests.EndToEnd;
using Rm.Host.Tests.Tokenization;
using Rm.Training.Evaluation;
using Rm.Training.Statistics;

namespace Rm.Host.Tests.Evaluation;

/// <summary>Scores by subset and section.</summary>
public sealed class SubsetScoresTests
{
    [Fact]
    public void The_table_is_that_of_RewardBench()
    {
        IReadOnlyList<BenchmarkSection> sections = SectionTable.RewardBench;
        Assert.Equal(["Chat", "Chat Hard", "Safety", "Reasoning"], sections.Select(s => s.Section));
        Assert.Equal([5, 6, 5, 7], sections.Select(s => s.Subsets.Count));
        Assert.Equal([358, 456, 740, 1968], sections.Select(s => s.Subsets.Values.Sum()));

        // The benchmark has 2,985 pairs, 447 of them math-prm.
        Assert.Equal(2985, sections.Sum(s => s.Subsets.Values.Sum()) - 984 + 447);
    }

    [Fact]
    public void Sections_are_means_weighted_by_the_table_and_not_by_the_rows()
    {
        // math-prm 3 of 4, hep-go 1 of 2, hep-js 0 of 1; "natural" belongs to no section.
        SubsetScores scores = Of(("math-prm", [1, 1, 1, 0]), ("hep-go", [1, 0]), ("hep-js", [0]), ("natural", [1, 1, 1]));

        SectionScore section = Assert.Single(scores.Sections);
        Assert.Equal(("Reasoning", ((984 * 0.75) + (164 * 0.5)) / (984 + 164 + 164)), (section.Section, section.Score));
        Assert.Equal(["math-prm", "hep-go", "hep-js"], section.Subsets);
        Assert.Equal(["hep-cpp", "hep-java", "hep-python", "hep-rust"], section.Missing);
        Assert.Equal(["natural"], scores.Unassigned);
        Assert.Null(scores.Overall);
        Assert.Equal([("hep-go", 2, 1), ("hep-js", 1, 0), ("math-prm", 4, 3), ("natural", 3, 3)],
            scores.Subsets.Select(s => (s.Subset, s.Pairs, s.Correct)));
        Assert.Equal(WilsonInterval.Of(3, 4), (scores.Subsets[2].Low, scores.Subsets[2].High));
    }

    [Fact]
    public void The_overall_score_is_the_mean_of_whole_sections()
    {
        SubsetScores scores = Of([.. SectionTable.RewardBench.SelectMany(
            (section, i) => section.Subsets.Keys.Select(name => (name, i < 2 ? new[] { 1 } : [1, 0])))]);
        Assert.Equal(0.75, scores.Overall);
        Assert.Empty(scores.Unassigned);
    }

    [Fact]
    public void Rows_without_subsets_give_none() =>
        Assert.Null(SubsetScores.Of([PreferencePair.FromIds([1], [2], 0)], Rewards([1])));

    [Fact]
    public void Eval_writes_subsets_and_sections_and_a_table()
    {
        using var scratch = new ScratchFolder();
        string[] subsets = ["llmbar-natural", "llmbar-adver-manual", "natural", "hep-go"];
        scratch.Write("eval.jsonl", IdRows.Lines(Enumerable.Range(0, 10).Select(i => new JsonObject
        {
            ["prompt"] = $"How many integers are below {i}?",
            ["chosen"] = $"There are {i} of them.",
            ["rejected"] = $"The list contains 0, 1 and {i}.",
            ["subset"] = subsets[i % 4],
        })));
        string[] model = ["--model", TestTokenizers.QuickstartFolder];
        Btrm.Succeed(["train", .. model, "--train-file", scratch["eval.jsonl"], "--lora", "--steps", "1", "--batch-size", "2",
            "--output-dir", scratch["out"]]);
        CommandResult result = Btrm.Succeed([
            "eval", .. model, "--adapter", scratch["out/final"], "--eval-file", scratch["eval.jsonl"], "--save-rows",
            scratch["rows.jsonl"]]);
        JsonElement json = JsonDocument.Parse(result.Output).RootElement;

        Assert.Equal(["Chat Hard", "Reasoning"],
            json.GetProperty("eval_sections").EnumerateArray().Select(s => s.GetProperty("section").GetString()!));
        Assert.Equal(["natural"], json.GetProperty("eval_unassigned_subsets").EnumerateArray().Select(s => s.GetString()!));
        Assert.Equal(JsonValueKind.Null, json.GetProperty("eval_sections_mean").ValueKind);
        IReadOnlyList<EvalRow> rows = EvalRowFile.Read(scratch["rows.jsonl"]);
        foreach (JsonElement subset in json.GetProperty("eval_subsets").EnumerateArray())
        {
            EvalRow[] own = [.. rows.Where(row => row.Subset == subset.GetProperty("subset").GetString())];
            Assert.Equal(own.Length, subset.GetProperty("pairs").GetInt32());
            Assert.Equal(own.Count(row => row.Gap > 0), subset.GetProperty("correct").GetInt32());
        }

        Assert.Contains("Chat Hard", result.Error, StringComparison.Ordinal);
        Assert.Contains("in no section", result.Error, StringComparison.Ordinal);
        Assert.Contains("without hep-cpp", result.Error.Replace("math-prm, ", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    private static SubsetScores Of(params (string Subset, int[] Right)[] subsets) => SubsetScores.Of(
        [.. subsets.SelectMany(
            s => s.Right.Select((_, i) => PreferencePair.FromIds([1], [2], 0) with { Subset = s.Subset, PromptHash = (UInt128)i }))],
        Rewards([.. subsets.SelectMany(s => s.Right)]))!;

    private static PairRewards Rewards(int[] right)
    {
        var rewards = new PairRewards(right.Length);
        foreach (int r in right)
        {
            rewards.Add(r, 0.5f);
        }

        return rewards;
    }
}
