using System.Globalization;
using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>
/// Escapes of a string literal. Jinja first spells every non-ASCII character as an escape and then decodes all of them, so a backslash
/// before such a character ends up in front of that spelling; this does the same two steps.
/// </summary>
internal static class StringEscapes
{
    /// <summary>The value of a literal's inside, or null when an escape is malformed.</summary>
    public static string? Decode(string literal)
    {
        if (!literal.Contains('\\', StringComparison.Ordinal))
        {
            return literal;
        }

        string text = Spell(literal);
        var result = new StringBuilder(text.Length);
        for (int i = 0; i < text.Length;)
        {
            if (text[i] != '\\')
            {
                result.Append(text[i++]);
                continue;
            }

            if (i + 1 >= text.Length)
            {
                return null;
            }

            char c = text[i + 1];
            i += 2;
            switch (c)
            {
                case '\n':
                    break;
                case 'x' or 'u' or 'U':
                    int width = c == 'x' ? 2 : c == 'u' ? 4 : 8;
                    const NumberStyles Hex = NumberStyles.AllowHexSpecifier;
                    if (i + width > text.Length
                        || !uint.TryParse(text.AsSpan(i, width), Hex, CultureInfo.InvariantCulture, out uint point)
                        || point > 0x10FFFF)
                    {
                        return null;
                    }

                    result.AppendPoint((int)point);
                    i += width;
                    break;
                case >= '0' and <= '7':
                    int value = c - '0';
                    for (int n = 1; n < 3 && i < text.Length && text[i] is >= '0' and <= '7'; n++, i++)
                    {
                        value = value * 8 + text[i] - '0';
                    }

                    result.Append((char)value);
                    break;
                case 'N':
                    return null;
                default:
                    int at = "\\'\"abfnrtv".IndexOf(c, StringComparison.Ordinal);
                    _ = at < 0 ? result.Append('\\').Append(c) : result.Append("\\'\"\a\b\f\n\r\t\v"[at]);
                    break;
            }
        }

        return result.ToString();
    }

    private static string Spell(string literal)
    {
        var result = new StringBuilder(literal.Length);
        foreach (int point in CodePoints.ToArray(literal))
        {
            if (point < 0x80)
            {
                result.Append((char)point);
            }
            else
            {
                result.AppendEscape(point);
            }
        }

        return result.ToString();
    }
}
