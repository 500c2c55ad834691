using Rm.Formats;
using Rm.Formats.Rendering;
using Rm.Training.Evaluation;
using Rm.Training.Statistics;

namespace Rm.Host.Tests.Evaluation;

/// <summary>Files of evaluation rows, there and back.</summary>
public sealed class EvalRowFileTests
{
    [Fact]
    public void Rows_are_read_as_they_were_written()
    {
        using var scratch = new ScratchFolder();
        var rewards = new PairRewards(2);
        rewards.Add(0.1f, -1.7e-8f);
        rewards.Add(float.MaxValue, 3);
        PreferencePair[] pairs =
        [
            PreferencePair.FromIds([1, 2, 3], [1, 4], 5) with { Domain = "ask", ScoreRatio = 2.5, PostId = "p1", ContentHash = 255,
                Margin = 0.5f, Weight = 2 },
            PreferencePair.FromIds([1], [2], 7) with { Subset = "math", PromptHash = 16 },
        ];
        IReadOnlyList<EvalRow> rows = rewards.ToRows(pairs);
        Assert.Equal(("p1", "000000000000000000000000000000ff", 1), (rows[0].Cluster, rows[0].Pair, rows[0].LengthGap));
        Assert.Equal("00000000000000000000000000000010", rows[1].Cluster);
        EvalRowFile.Write(scratch["rows.jsonl"], rows);
        Assert.Equal(rows, EvalRowFile.Read(scratch["rows.jsonl"]));
        string[] lines = File.ReadAllLines(scratch["rows.jsonl"]);
        Assert.StartsWith("""{"row":5,"pair":"000000000000000000000000000000ff","cluster":"p1","chosen_reward":0.1,""", lines[0], StringComparison.Ordinal);
        Assert.DoesNotContain("domain", lines[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("[1]")]
    [InlineData("not json")]
    [InlineData("""{"row":0,"pair":null,"cluster":"c","chosen_reward":1,"rejected_reward":0,"chosen_tokens":1,"rejected_tokens":1}""")]
    [InlineData("""{"row":0,"pair":"p","cluster":"c","chosen_reward":1e99,"rejected_reward":0,"chosen_tokens":1,"rejected_tokens":1}""")]
    [InlineData("""{"row":0,"pair":"p","cluster":"c","chosen_reward":"1","rejected_reward":0,"chosen_tokens":1,"rejected_tokens":1}""")]
    public void A_bad_line_is_named(string line)
    {
        using var scratch = new ScratchFolder();
        File.WriteAllText(
            scratch["rows.jsonl"],
            """{"row":0,"pair":"p","cluster":"c","chosen_reward":1,"rejected_reward":0,"chosen_tokens":1,"rejected_tokens":1}""" + "\n" + line + "\n");
        UserInputException error = Assert.Throws<UserInputException>(() => EvalRowFile.Read(scratch["rows.jsonl"]));
        Assert.Contains("rows.jsonl: line 2 ", error.Message, StringComparison.Ordinal);
    }
}
