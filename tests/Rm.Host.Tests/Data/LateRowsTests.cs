using Rm.Formats.Datasets;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Formats.Tokenization;
using Rm.Host.Tests.Tokenization;
using Rm.Training.Artifacts;

namespace Rm.Host.Tests.Data;

/// <summary>
/// Rows of another kind at the end of a long file: a row is read as it would be read alone, whatever came before it. `datasets` 5.2, which
/// takes the kinds of the first 10 MB, fails on seven of these (docs/data.md).
/// </summary>
public sealed class LateRowsTests : IDisposable
{
    private const int Before = 2000, Late = 3;

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // An answer of the rows before, one of those at the end, and columns that stand beside them.
    [Theory]
    [InlineData("""{"content":"X"}""", """{"content":"X","reasoning_content":"r"}""")]
    [InlineData(
        """{"content":"X"}""", """{"content":"X","tool_calls":[{"type":"function","function":{"name":"f","arguments":{"c":"x"}}}]}""")]
    [InlineData("""{"content":"X"}""", """{"content":"X"}""", "\"margin\":1,", "\"margin\":0.5,")]
    [InlineData("""{"content":"X"}""", """{"content":"X"}""", "", "\"margin\":0.5,")]
    [InlineData("""{"content":"X"}""", """{"content":"X"}""", "\"margin\":null,", "\"margin\":0.5,")]
    [InlineData("""{"content":"X"}""", """{"content":"X"}""", "\"margin\":0.5,", "")]
    [InlineData("""{"content":"X"}""", """{"content":"X"}""", "\"system\":null,", "\"system\":\"s\",")]
    [InlineData("""{"content":"2"}""", """{"content":"two"}""")]
    [InlineData("""{"content":"2024-01-02"}""", """{"content":"yes"}""")]
    public void A_late_row_is_the_pair_that_it_is_alone(string answer, string late, string columns = "", string lateColumns = "")
    {
        string first = Row(answer, columns), last = Row(late, lateColumns);
        IReadOnlyList<PreferencePair> pairs = Load(first, last).Pairs;
        Assert.Equal(Before + Late, pairs.Count);
        AssertSame(Assert.Single(Load(first).Pairs), pairs[Before - 1]);
        PreferencePair alone = Assert.Single(Load(last).Pairs);
        Assert.All(pairs.Skip(Before), pair => AssertSame(alone, pair));
    }

    [Fact]
    public void A_late_list_of_parts_is_never_read_as_its_JSON_text()
    {
        string first = Row("""{"content":"X"}""", ""), last = Row("""{"content":[{"type":"text","text":"Hi"}]}""", "");
        Assert.Contains($"line {Before + 1}", Rows.Error(() => Load(first, last)), StringComparison.Ordinal);
    }

    private static void AssertSame(PreferencePair expected, PreferencePair actual)
    {
        Assert.Equal(expected.Chosen, actual.Chosen);
        Assert.Equal(expected.Rejected, actual.Rejected);
        Assert.Equal(expected.Margin, actual.Margin);
    }

    private static string Row(string answer, string columns) =>
        $$$"""
        {{{{columns}}}"prompt":[{"role":"user","content":"q"}],"chosen":[{"role":"assistant",{{{answer[1..]}}}],
        "rejected":[{"role":"assistant","content":"other"}]}
        """.ReplaceLineEndings("");

    private PairDataset Load(string row) => LoadText(row + "\n");

    private PairDataset Load(string first, string last) =>
        LoadText(string.Concat(Enumerable.Repeat(first + "\n", Before)) + string.Concat(Enumerable.Repeat(last + "\n", Late)));

    private PairDataset LoadText(string text)
    {
        Tokenizer tokenizer = TestTokenizers.Load("qwen3");
        var pairs = new PairTokenizer(tokenizer, ModelSource.TemplateOf(tokenizer), new TextOptions());
        return PairDataset.Load(RowSource.OpenFile(_folder.Write("rows.jsonl", text)), pairs, null, TestContext.Current.CancellationToken);
    }
}
