using System.Text;

namespace Rm.Formats.Tokenization;

/// <summary>
/// Decodes ids one by one and gives out only whole characters: a token may end in the middle of one. What all calls returned,
/// <see cref="Flush"/> last, is what <see cref="Tokenizer.Decode"/> gives for the same ids. For one thread.
/// </summary>
public sealed class StreamingDecoder(Tokenizer tokenizer)
{
    private readonly Decoder utf8 = Encoding.UTF8.GetDecoder();
    private bool _first = true;

    /// <summary>The text that <paramref name="id"/> completes; often empty inside a character of several tokens.</summary>
    /// <exception cref="UserInputException">There is no such id.</exception>
    public string Push(int id)
    {
        string text = Convert(tokenizer.BytesOf(id, _first), flush: false);
        _first = false;
        return text;
    }


    /// <summary>Ends the text: an unfinished character comes out as U+FFFD. The decoder can then take the next text.</summary>
    public string Flush()
    {
        _first = true;
        return Convert([], flush: true);
    }


    private string Convert(ReadOnlySpan<byte> bytes, bool flush)
    {
        Span<char> chars = new char[utf8.GetCharCount(bytes, flush)];
        return new string(chars[..utf8.GetChars(bytes, chars, flush)]);
    }
}
