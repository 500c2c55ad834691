using System.Globalization;
using System.Text;

namespace Rm.Formats.Tokenization;

/// <summary>
/// What the <c>decoder</c> section makes of a token: nothing for byte-level vocabularies, whose tokens are bytes already; for
/// SentencePiece-like ones the mark becomes a space, byte tokens their byte, and a text may lose the spaces in front.
/// </summary>
/// <param name="Replacements">Texts and what they become, in their order.</param>
/// <param name="BytesFallBack">Tokens such as <c>&lt;0xE6&gt;</c> are bytes.</param>
/// <param name="Separator">Stands before every token but the first.</param>
/// <param name="Leading">The character that the first token loses in front, or null.</param>
/// <param name="LeadingCount">How many of it at most.</param>
internal sealed record TokenDecoder(
    IReadOnlyList<(string From, string To)> Replacements, bool BytesFallBack, string Separator, char? Leading, int LeadingCount)
{
    /// <summary>For byte-level vocabularies.</summary>
    public static TokenDecoder Bytes { get; } = new([], false, "", null, 0);

    /// <summary>The bytes of a text that has this token.</summary>
    /// <param name="token">The token's bytes in the vocabulary.</param>
    /// <param name="first">True for the first of a text.</param>
    public ReadOnlySpan<byte> Decode(ReadOnlySpan<byte> token, bool first)
    {
        if (this == Bytes)
        {
            return token;
        }

        if (BytesFallBack && token.Length == 6 && token.StartsWith("<0x"u8) && token[5] == '>'
            && byte.TryParse(token[3..5], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value))
        {
            return new[] { value };
        }

        string text = Encoding.UTF8.GetString(token);
        foreach ((string from, string to) in Replacements)
        {
            text = text.Replace(from, to, StringComparison.Ordinal);
        }

        int skip = 0;
        while (first && skip < LeadingCount && skip < text.Length && text[skip] == Leading)
        {
            skip++;
        }

        return Encoding.UTF8.GetBytes((first ? "" : Separator) + text[skip..]);
    }
}
