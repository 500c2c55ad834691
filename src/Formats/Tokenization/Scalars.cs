using System.Globalization;
using System.Text;

namespace Rm.Formats.Tokenization;

/// <summary>Unicode scalar values of UTF-16 text, and the character classes that pre-tokenizers ask for.</summary>
internal static class Scalars
{
    /// <summary>What GPT-2 style split patterns distinguish.</summary>
    public enum Kind : byte
    {
        /// <summary>Neither letter, number nor white space.</summary>
        Other,

        /// <summary>General category L.</summary>
        Letter,

        /// <summary>General category N.</summary>
        Number,

        /// <summary>White space other than CR and LF: TAB..CR, U+0085 and general category Z.</summary>
        Space,

        /// <summary>CR or LF.</summary>
        NewLine,
    }

    /// <summary>General categories as bits, <c>1 &lt;&lt; (int)UnicodeCategory</c>.</summary>
    public const uint Letters = 0b11111, Marks = 0b111 << 5, Numbers = 0b111 << 8, Separators = 0b111 << 11;

    private static readonly Kind[] kinds = ClassifyBasicPlane();

    /// <summary>The scalar at <paramref name="index"/> and its length in UTF-16 units; U+FFFD for a lone surrogate.</summary>
    public static int At(ReadOnlySpan<char> text, int index, out int length)
    {
        char c = text[index];
        length = 1;
        if (!char.IsSurrogate(c))
        {
            return c;
        }

        if (char.IsHighSurrogate(c) && index + 1 < text.Length && char.IsLowSurrogate(text[index + 1]))
        {
            length = 2;
            return char.ConvertToUtf32(c, text[index + 1]);
        }

        return 0xFFFD;
    }

    /// <summary>Where the scalar that ends before <paramref name="index"/> (above 0) begins.</summary>
    public static int Before(ReadOnlySpan<char> text, int index) =>
        index >= 2 && char.IsLowSurrogate(text[index - 1]) && char.IsHighSurrogate(text[index - 2]) ? index - 2 : index - 1;

    /// <summary>Class of the scalar at <paramref name="index"/>, and its length in UTF-16 units.</summary>
    public static Kind KindAt(ReadOnlySpan<char> text, int index, out int length)
    {
        char c = text[index];
        if (!char.IsSurrogate(c))
        {
            length = 1;
            return kinds[c];
        }

        return Classify(At(text, index, out length));
    }

    /// <summary>The general category as a bit.</summary>
    public static uint CategoryBit(int scalar) => 1u << (int)CharUnicodeInfo.GetUnicodeCategory(scalar);

    /// <summary>The Unicode property White_Space, which is what <c>\s</c> means in Oniguruma and in Rust's regex.</summary>
    public static bool IsWhiteSpace(int scalar) => scalar < 0x10000 && kinds[scalar] is Kind.Space or Kind.NewLine;

    /// <summary>The same text with every lone surrogate replaced by U+FFFD, as UTF-8 encoding would do.</summary>
    public static string ReplaceLoneSurrogates(string text)
    {
        int i = text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF');
        if (i < 0)
        {
            return text;
        }

        StringBuilder? repaired = null;
        while (i < text.Length)
        {
            if (At(text, i, out int length) == 0xFFFD)
            {
                repaired ??= new StringBuilder(text);
                repaired[i] = '\uFFFD';
            }

            i += length;
        }

        return repaired?.ToString() ?? text;
    }

    private static Kind[] ClassifyBasicPlane()
    {
        var result = new Kind[0x10000];
        for (int c = 0; c < result.Length; c++)
        {
            result[c] = Classify(c);
        }

        return result;
    }

    private static Kind Classify(int scalar)
    {
        uint bit = CategoryBit(scalar);
        return scalar switch
        {
            '\r' or '\n' => Kind.NewLine,
            (>= '\t' and <= '\r') or 0x85 => Kind.Space,
            _ when (bit & Letters) != 0 => Kind.Letter,
            _ when (bit & Numbers) != 0 => Kind.Number,
            _ when (bit & Separators) != 0 => Kind.Space,
            _ => Kind.Other,
        };
    }
}
