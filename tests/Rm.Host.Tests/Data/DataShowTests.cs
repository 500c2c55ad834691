using Rm.Formats.Datasets;
using Rm.Formats.Rows;

namespace Rm.Host.Tests.Data;

public sealed class DataShowTests : IDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly DataShow _show = new(new FakeEncoder { AddsBos = true }, new FakeTemplate());

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void TextsAreEncodedAsTheyAreAndMessagesAsRendered()
    {
        const string Lines = """
            {"text":"é\"<"}
            {"messages":[{"role":"user","content":"p"}]}
            """;

        Assert.Equal(
            "{\"text\":\"é\\\"<\",\"ids\":[233,34,60]}\n{\"text\":\"<|start|>u:p<|end|>\\n\",\"ids\":[70000,117,58,112,70001,10]}\n",
            Show(Lines));
        Assert.StartsWith(
            "{\"text\":\"é\\\"<\",\"ids\":[70002,233,34,60]}\n", Show(Lines, addSpecialTokens: true), StringComparison.Ordinal);
        Assert.EndsWith(
            "<|end|>\\n<|start|>a:\",\"ids\":[70000,117,58,112,70001,10,70000,97,58]}\n",
            Show(Lines, addGenerationPrompt: true), StringComparison.Ordinal);
    }

    [Fact]
    public void TheLimitStopsReading() => Assert.Equal("{\"text\":\"a\",\"ids\":[97]}\n", Show("{\"text\":\"a\"}\nbroken\n", limit: 1));

    [Theory]
    [InlineData("""{"prompt":"p"}""", "needs a column 'text' or 'messages'")]
    [InlineData("""{"messages":[{"role":"tool","content":"p"}]}""", "field 'messages': tools are not known")]
    [InlineData("""{"text":5}""", "field 'text': must be a string")]
    public void ErrorsNameTheRow(string line, string what)
    {
        string message = Rows.Error(() => Show(line));

        Assert.Contains("line 1", message, StringComparison.Ordinal);
        Assert.Contains(what, message, StringComparison.Ordinal);
    }

    private string Show(string lines, bool addSpecialTokens = false, bool addGenerationPrompt = false, long? limit = null)
    {
        using var output = new StringWriter();
        _show.Write(RowSource.OpenFile(_folder.Write("rows.jsonl", lines)), output, addSpecialTokens, addGenerationPrompt, limit);
        return output.ToString();
    }
}
