using System.Globalization;
using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>Strings as Python counts them: by code point. A lone surrogate counts as one.</summary>
internal static class CodePoints
{
    public static bool IsBmp(string text) => text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0;

    public static int Count(string text) => Count(text.AsSpan());

    public static int Count(ReadOnlySpan<char> text)
    {
        int count = text.Length;
        for (int i = text.IndexOfAnyInRange('\uD800', '\uDFFF'); i >= 0 && i + 1 < text.Length; i++)
        {
            if (char.IsSurrogatePair(text[i], text[i + 1]))
            {
                count--;
                i++;
            }
        }

        return count;
    }

    /// <summary>Each code point as a string of its own.</summary>
    public static IEnumerable<object> Each(string text)
    {
        for (int i = 0; i < text.Length;)
        {
            int width = WidthAt(text, i);
            yield return text.Substring(i, width);
            i += width;
        }
    }

    /// <summary>Offset of code point number <paramref name="index"/>, which lies in [0, Count].</summary>
    public static int Offset(string text, int index)
    {
        if (IsBmp(text))
        {
            return index;
        }

        int offset = 0;
        for (; index > 0; index--)
        {
            offset += WidthAt(text, offset);
        }

        return offset;
    }

    /// <summary>UTF-16 units of the code point at <paramref name="offset"/>.</summary>
    public static int WidthAt(string text, int offset) =>
        offset + 1 < text.Length && char.IsSurrogatePair(text[offset], text[offset + 1]) ? 2 : 1;

    /// <summary>The code points in order, as integers; lone surrogates as themselves.</summary>
    public static int[] ToArray(string text)
    {
        int[] points = new int[Count(text)];
        for (int i = 0, n = 0; i < text.Length; n++)
        {
            int width = WidthAt(text, i);
            points[n] = width == 2 ? char.ConvertToUtf32(text[i], text[i + 1]) : text[i];
            i += width;
        }

        return points;
    }

    /// <summary>Appends one code point, also a lone surrogate.</summary>
    public static StringBuilder AppendPoint(this StringBuilder builder, int point) =>
        point < 0x10000 ? builder.Append((char)point) : builder.Append(char.ConvertFromUtf32(point));

    /// <summary>Appends one code point as Python escapes it: \xhh, \uhhhh or \Uhhhhhhhh.</summary>
    public static StringBuilder AppendEscape(this StringBuilder builder, int point)
    {
        (char letter, string? format) = point < 0x100 ? ('x', "x2") : point < 0x10000 ? ('u', "x4") : ('U', "x8");
        return builder.Append('\\').Append(letter).Append(point.ToString(format, CultureInfo.InvariantCulture));
    }

    /// <summary>Python's str.isspace of one character, which is also what \s matches.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    /// <summary>Line ends as str.splitlines knows them, without the two-character \r\n.</summary>
    public static bool IsLineEnd(char c) =>
        c is '\n' or '\r' or '\v' or '\f' or '\x1c' or '\x1d' or '\x1e' or '\x85' or '\u2028' or '\u2029';
}
