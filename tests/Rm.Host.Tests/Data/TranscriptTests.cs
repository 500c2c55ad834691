using Rm.Formats.Rows;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Data;

public sealed class TranscriptTests
{
    [Theory]
    [InlineData("\n\nHuman: a\n\nAssistant: b", "user=a|assistant=b")]
    [InlineData("\n\nHuman:  a \n\nAssistant:b\n\n", "user= a |assistant=b\n\n")]
    [InlineData(
        "\n\nHuman: a\n\nb: Human: c\n\nAssistant: \n\nHuman:\n\nAssistant: d", "user=a\n\nb: Human: c|assistant=|user=|assistant=d")]
    [InlineData("Human: a\n\nAssistant: b", "user=a|assistant=b")]
    [InlineData("\n\nAssistant: hello", "assistant=hello")]
    [InlineData("\n\nHuman: a\n\nAssistant:", "user=a|assistant=")]
    [InlineData("\n\nHuman: a\n\nAssistant: b\n\nHuman: c", "user=a|assistant=b|user=c")]
    public void TurnsAreCutAtTheMarkersAndKeptVerbatim(string text, string expected)
    {
        Assert.True(Transcript.TryParse(text, out IReadOnlyList<ChatMessage> turns, out int lastStart));
        Assert.Equal(expected, string.Join('|', turns.Select(turn => $"{turn.Role}={turn.Content}")));
        Assert.Equal(turns[^1].Content, text[lastStart..]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n\n")]
    [InlineData("hello")]
    [InlineData("x\n\nHuman: a\n\nAssistant: b")]
    [InlineData("\n\nHuman: a")]
    [InlineData("\n\nhuman: a\n\nassistant: b")]
    public void OtherTextsAreNoTranscripts(string text) => Assert.False(Transcript.TryParse(text, out _, out _));

    [Fact]
    public void SidesMayPartBeforeTheLastTurn()
    {
        PairRow row = Rows.Pair(
            """{"chosen":"\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: d","rejected":"\n\nHuman: a\n\nAssistant: x"}""");

        Assert.Equal(RowKind.Transcripts, row.Kind);
        Assert.Equal(["a", "b", "c", "d"], row.Chosen.Messages!.Select(turn => turn.Content));
        Assert.Equal(["a", "x"], row.Rejected.Messages!.Select(turn => turn.Content));
    }

    [Fact]
    public void ARowWithATranscriptOnOneSideIsPlainText()
    {
        Assert.Equal(RowKind.PlainStrings, Rows.Pair("""{"chosen":"\n\nHuman: a\n\nAssistant: b","rejected":"x"}""").Kind);
    }

    [Fact]
    public void EveryQuickstartRowIsATranscriptThatCanBePutTogetherAgain()
    {
        foreach (string split in new[] { "train", "eval" })
        {
            string path = Path.Combine(TestPaths.Repository, "examples", "quickstart", split + ".jsonl");
            foreach (PairRow row in Rows.Read(path).Select(PairRowParser.Parse))
            {
                Assert.Equal(RowKind.Transcripts, row.Kind);
                foreach (Conversation side in new[] { row.Chosen, row.Rejected })
                {
                    // These rows always have the space that may follow a marker.
                    Assert.Equal(side.Text, string.Concat(side.Messages!.Select(
                        turn => (turn.Role == "user" ? "\n\nHuman: " : "\n\nAssistant: ") + turn.Content)));
                }
            }
        }
    }
}
