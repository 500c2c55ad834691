using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>Python's <c>format % values</c>, also behind the format filter.</summary>
internal static class PercentFormat
{
    public static string Format(RenderState state, string format, object values)
    {
        object[] items = values is PyTuple tuple ? tuple.Items : [values];
        int used = 0;
        var result = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                result.Append(format[i]);
                continue;
            }

            i++;
            object? named = null;
            if (i < format.Length && format[i] == '(')
            {
                int close = format.IndexOf(')', i);
                string key = close < 0 ? throw new TemplateException("incomplete format key") : format[(i + 1)..close];
                named = values is PyDict dict
                    ? dict.TryGetValue(key, out object? value) ? value : throw new TemplateException($"format key '{key}' is missing")
                    : throw new TemplateException("format requires a mapping");
                i = close + 1;
            }

            object Next() => named ?? (used < items.Length
                ? items[used++]
                : throw new TemplateException("not enough arguments for format string"));
            int start = i;
            while (i < format.Length && format[i] is ('-' or '+' or ' ' or '#' or '0'))
            {
                i++;
            }

            string flags = format[start..i];
            int width = NumberOrStar(format, ref i, Next) ?? 0;
            int precision = i < format.Length && format[i] == '.' ? Precision(format, ref i, Next) : -1;
            while (i < format.Length && format[i] is ('l' or 'h' or 'L'))
            {
                i++;
            }

            if (i >= format.Length)
            {
                throw new TemplateException("incomplete format");
            }

            result.Append(format[i] == '%' ? "%" : One(state, format[i], flags, width, precision, Next()));
            if (result.Length > TemplateLimits.TextCharacters)
            {
                throw new TemplateException($"a text is longer than {TemplateLimits.TextCharacters} characters");
            }
        }

        if (used < items.Length && values is not (PyDict or List<object> or PyRange or Undefined))
        {
            throw new TemplateException("not all arguments converted during string formatting");
        }

        state.Make(result.Length);
        return result.ToString();
    }

    private static string One(RenderState state, char type, string flags, int width, int precision, object value)
    {
        bool left = flags.Contains('-', StringComparison.Ordinal) || width < 0;
        bool zero = flags.Contains('0', StringComparison.Ordinal) && !left && type is not ('s' or 'r' or 'a' or 'c');
        char sign = flags.Contains('+', StringComparison.Ordinal) ? '+' : flags.Contains(' ', StringComparison.Ordinal) ? ' ' : '\0';
        var spec = new FormatSpec(
            zero ? '0' : ' ', left ? '<' : zero ? '=' : '>', sign, flags.Contains('#', StringComparison.Ordinal),
            Math.Min(Math.Abs((long)width), int.MaxValue) is var w && w > TemplateLimits.TextCharacters
                ? throw new TemplateException("a width in a format is too large")
                : (int)w,
            '\0', precision, type);
        switch (type)
        {
            case 's':
                return spec.Text(state, PythonText.Str(state, value));
            case 'r' or 'a':
                return spec.Text(state, PythonTypes.TryText(value, out string? text) ? Quoted(text) : PythonText.Repr(state, value));
            case 'c':
                return spec.Text(state, PythonTypes.TryText(value, out string? c) && CodePoints.Count(c) == 1
                    ? c
                    : PythonTypes.RequireInt(value, "the value for %c") is >= 0 and <= 0x10FFFF and var point
                        ? new StringBuilder().AppendPoint(point).ToString()
                        : throw new TemplateException("the value for %c is not a code point"));
            case 'd' or 'i' or 'u':
                object whole = value is double d ? PythonArithmetic.Truncate(d) : value;
                return (spec with { Type = 'd' }).Digits(state, PythonArithmetic.ToBig(whole), precision);
            case 'x' or 'X' or 'o':
                return spec.Digits(state, PythonArithmetic.ToBig(value), precision);
            case 'e' or 'E' or 'f' or 'F' or 'g' or 'G':
                return spec.Float(state, PythonArithmetic.ToDouble(value));
            default:
                throw new TemplateException($"unsupported format character '{type}'");
        }
    }

    /// <summary>An integer with at least <paramref name="precision"/> digits.</summary>
    private static string Digits(this FormatSpec spec, RenderState state, System.Numerics.BigInteger value, int precision)
    {
        FormatSpec plain = spec with { Width = 0, Align = '=', Fill = '0' };
        if (precision <= 0)
        {
            return spec.Integer(state, value);
        }

        int extra = (value.Sign < 0 || spec.Sign != '\0' ? 1 : 0) + (spec.Alternate && spec.Type != 'd' ? 2 : 0);
        string digits = (plain with { Width = precision + extra }).Integer(state, value);
        return (spec with { Precision = -1, Align = spec.Align == '=' ? '>' : spec.Align, Fill = ' ' }).Text(state, digits);
    }

    private static string Quoted(string text)
    {
        var builder = new StringBuilder();
        PythonText.AppendQuoted(builder, text);
        return builder.ToString();
    }

    private static int Precision(string format, ref int i, Func<object> next)
    {
        i++;
        return Math.Max(0, NumberOrStar(format, ref i, next) ?? 0);
    }

    private static int? NumberOrStar(string format, ref int i, Func<object> next)
    {
        if (i >= format.Length || format[i] != '*')
        {
            return FormatSpec.Number(format, ref i);
        }

        i++;
        return PythonTypes.RequireInt(next(), "the value for '*'");
    }
}
