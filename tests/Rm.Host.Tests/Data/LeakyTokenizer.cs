using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Data;

/// <summary>A pipeline with a fault: it puts a space behind the text of every chosen side, whatever that text is.</summary>
internal sealed class LeakyTokenizer(IPairTokenizer inner) : IPairTokenizer
{
    public ITextEncoder? Encoder => inner.Encoder;

    public TokenizedRow Tokenize(PairRow row, long rowIndex, bool keepIdentical = false) =>
        inner.Tokenize(row with { Chosen = Marked(row.Chosen) }, rowIndex, keepIdentical);

    public static Conversation Marked(Conversation side) => side with
    {
        Messages = side.Messages is { } turns ? [.. turns.SkipLast(1), turns[^1] with { Content = turns[^1].Content + " " }] : null,
        Text = side.Text is { } text ? text + " " : null,
    };
}
