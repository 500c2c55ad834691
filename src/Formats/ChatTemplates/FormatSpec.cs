using System.Globalization;
using System.Numerics;

namespace Rm.Formats.ChatTemplates;

/// <summary>
/// How one value is laid out, shared by <c>'%5.2f' % x</c> and <c>'{:5.2f}'.format(x)</c>. Align is one of &lt; &gt; ^ = or '\0' for the
/// type's own.
/// </summary>
internal sealed record FormatSpec(char Fill, char Align, char Sign, bool Alternate, int Width, char Grouping, int Precision, char Type)
{
    /// <summary>A spec of str.format: [[fill]align][sign][#][0][width][,][.precision][type].</summary>
    public static FormatSpec Parse(string text)
    {
        int i = 0;
        (char fill, char align) = (' ', '\0');
        if (text.Length > 1 && "<>^=".Contains(text[1], StringComparison.Ordinal))
        {
            (fill, align, i) = (text[0], text[1], 2);
        }
        else if (text.Length > 0 && "<>^=".Contains(text[0], StringComparison.Ordinal))
        {
            (align, i) = (text[0], 1);
        }

        char Next(string allowed) => i < text.Length && allowed.Contains(text[i], StringComparison.Ordinal) ? text[i++] : '\0';
        char sign = Next("+- ");
        bool alternate = Next("#") != '\0';
        if (Next("0") != '\0' && align == '\0')
        {
            (fill, align) = ('0', '=');
        }

        int width = Number(text, ref i) ?? 0;
        char grouping = Next(",_");
        int precision = Next(".") == '\0' ? -1 : Number(text, ref i) ?? throw new TemplateException("a format spec lacks its precision");
        char type = Next("bcdeEfFgGnosxX%");
        return i == text.Length && type is not 'n' and not 'c'
            ? new FormatSpec(fill, align, sign, alternate, width, grouping, precision, type)
            : throw new TemplateException("invalid or unsupported format specifier");
    }

    /// <summary>Digits at <paramref name="i"/> as a number within the bounds of a text, or null without any.</summary>
    public static int? Number(string text, ref int i)
    {
        int start = i;
        while (i < text.Length && char.IsAsciiDigit(text[i]))
        {
            i++;
        }

        if (i == start)
        {
            return null;
        }

        return int.TryParse(text.AsSpan(start, i - start), NumberStyles.None, CultureInfo.InvariantCulture, out int value)
            && value <= TemplateLimits.TextCharacters
            ? value
            : throw new TemplateException("a width or precision in a format is too large");
    }

    public string Text(RenderState state, string text)
    {
        if (Precision >= 0 && Precision < CodePoints.Count(text))
        {
            text = text[..CodePoints.Offset(text, Precision)];
        }

        return Pad(state, "", text, '<');
    }

    public string Integer(RenderState state, BigInteger value)
    {
        var magnitude = BigInteger.Abs(value);
        int radix = Type switch
        {
            'x' or 'X' => 16,
            'o' => 8,
            'b' => 2,
            _ => 10,
        };
        string digits = radix == 10 ? magnitude.ToString(CultureInfo.InvariantCulture) : IntegerText.Format(magnitude, radix);
        digits = Grouping == '\0' ? digits : Group(digits, radix == 10 ? 3 : 4);
        digits = Type == 'X' ? digits.ToUpperInvariant() : digits;
        return Pad(state, SignOf(value.Sign < 0) + (Alternate && radix != 10 ? "0" + Type : ""), digits, '>');
    }

    public string Float(RenderState state, double value)
    {
        if (Precision > 4096)
        {
            throw new TemplateException("a format asks for more than 4096 decimal places");
        }

        bool isNegative = double.IsNegative(value) && !double.IsNaN(value);
        string digits = !double.IsFinite(value) ? double.IsNaN(value) ? "nan" : "inf" : Type switch
        {
            '\0' => Precision < 0 ? PythonText.Float(Math.Abs(value)) : General(value, Math.Max(1, Precision), keepPoint: true),
            '%' => ExactDecimal.Fixed(value * 100, Precision < 0 ? 6 : Precision) + "%",
            'e' or 'E' => Exponential(value, Precision < 0 ? 6 : Precision),
            'g' or 'G' => General(value, Precision < 0 ? 6 : Math.Max(1, Precision), keepPoint: false),
            _ => ExactDecimal.Fixed(value, Precision < 0 ? 6 : Precision),
        };
        if (Grouping != '\0' && double.IsFinite(value))
        {
            int end = digits.AsSpan().IndexOfAnyExceptInRange('0', '9') is var i and >= 0 ? i : digits.Length;
            digits = Group(digits[..end], 3) + digits[end..];
        }

        return Pad(state, SignOf(isNegative), char.IsAsciiLetterUpper(Type) ? digits.ToUpperInvariant() : digits, '>');
    }

    private static string Exponential(double value, int precision)
    {
        (string? digits, int exponent) = ExactDecimal.Significant(value, precision + 1);
        return Scientific(digits, exponent);
    }

    private string General(double value, int precision, bool keepPoint)
    {
        (string? digits, int exponent) = ExactDecimal.Significant(value, precision);
        if (!Alternate)
        {
            digits = digits.TrimEnd('0').PadRight(1, '0');
        }

        if (exponent < -4 || exponent >= (keepPoint ? Math.Max(precision - 1, 1) : precision))
        {
            return Scientific(digits, exponent);
        }

        if (exponent < 0)
        {
            return "0." + new string('0', -exponent - 1) + digits;
        }

        digits = digits.PadRight(exponent + 1, '0');
        string fraction = digits[(exponent + 1)..];
        return digits[..(exponent + 1)] + (fraction.Length > 0 ? "." + fraction : keepPoint ? ".0" : "");
    }

    private static string Scientific(string digits, int exponent) => digits[..1] + (digits.Length > 1 ? "." + digits[1..] : "")
        + (exponent < 0 ? "e-" : "e+") + Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture);

    private string Group(string digits, int size)
    {
        string result = digits;
        for (int i = digits.Length - size; i > 0; i -= size)
        {
            result = result.Insert(i, Grouping.ToString());
        }

        return result;
    }

    private string SignOf(bool isNegative) => isNegative ? "-" : Sign is '+' or ' ' ? Sign.ToString() : "";

    private string Pad(RenderState state, string prefix, string body, char standard)
    {
        int missing = Math.Max(0, Width - prefix.Length - CodePoints.Count(body));
        state.Make((long)prefix.Length + body.Length + missing);
        return (Align == '\0' ? standard : Align) switch
        {
            '<' => prefix + body + new string(Fill, missing),
            '>' => new string(Fill, missing) + prefix + body,
            '=' => prefix + new string(Fill, missing) + body,
            _ => new string(Fill, missing / 2) + prefix + body + new string(Fill, missing - missing / 2),
        };
    }
}
