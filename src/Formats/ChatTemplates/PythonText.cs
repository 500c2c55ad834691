using System.Globalization;
using System.Numerics;
using System.Text;

namespace Rm.Formats.ChatTemplates;

/// <summary>Python's str() and repr().</summary>
internal static class PythonText
{
    /// <summary>str(value), what <c>{{ value }}</c> prints.</summary>
    public static string Str(RenderState state, object value) => value switch
    {
        string s => s,
        Markup m => m.Text,
        Undefined => "",
        _ => Repr(state, value),
    };

    /// <summary>repr(value).</summary>
    public static string Repr(RenderState state, object value)
    {
        switch (value)
        {
            case long n:
                return n.ToString(CultureInfo.InvariantCulture);
            case bool b:
                return b ? "True" : "False";
            case PyNone:
                return "None";
            case double d:
                return Float(d);
        }

        state.Step(ValueSize.Of(value));
        var builder = new StringBuilder();
        Append(state, builder, value, 0);
        state.Make(builder.Length);
        return builder.ToString();
    }

    /// <summary>repr of a float: the shortest digits that read back the same.</summary>
    public static string Float(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }

        string text = value.ToString("R", CultureInfo.InvariantCulture);
        string sign = text[0] == '-' ? "-" : "";
        text = text[sign.Length..];
        int e = text.IndexOf('E', StringComparison.Ordinal);
        int exponent = e < 0 ? 0 : int.Parse(text.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        string mantissa = e < 0 ? text : text[..e];
        int point = mantissa.IndexOf('.', StringComparison.Ordinal);
        string digits = mantissa.Replace(".", "", StringComparison.Ordinal);
        int before = (point < 0 ? mantissa.Length : point) + exponent;
        int leading = digits.Length - digits.TrimStart('0').Length;
        digits = digits[leading..].TrimEnd('0');
        before -= leading;
        if (digits.Length == 0)
        {
            return sign + "0.0";
        }

        // before: digits in front of the decimal point. CPython writes an exponent below 1e-4 and from 1e16.
        if (before is > 16 or <= -4)
        {
            int power = before - 1;
            return sign + digits[..1] + (digits.Length > 1 ? "." + digits[1..] : "") + (power < 0 ? "e-" : "e+")
                + Math.Abs(power).ToString("00", CultureInfo.InvariantCulture);
        }

        return sign + (before <= 0 ? "0." + new string('0', -before) + digits
            : before >= digits.Length ? digits + new string('0', before - digits.Length) + ".0"
            : digits[..before] + "." + digits[before..]);
    }

    /// <summary>repr of a string: single quotes unless only those occur inside; what cannot be printed is escaped.</summary>
    public static void AppendQuoted(StringBuilder builder, string text)
    {
        char quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        builder.Append(quote);
        for (int i = 0; i < text.Length;)
        {
            int width = CodePoints.WidthAt(text, i);
            int point = width == 2 ? char.ConvertToUtf32(text[i], text[i + 1]) : text[i];
            switch (point)
            {
                case '\n':
                    builder.Append("\\n");
                    break;
                case '\r':
                    builder.Append("\\r");
                    break;
                case '\t':
                    builder.Append("\\t");
                    break;
                case '\\':
                    builder.Append("\\\\");
                    break;
                default:
                    if (point == quote)
                    {
                        builder.Append('\\').Append(quote);
                    }
                    else if (IsPrintable(point))
                    {
                        builder.Append(text, i, width);
                    }
                    else
                    {
                        builder.AppendEscape(point);
                    }

                    break;
            }

            i += width;
        }

        builder.Append(quote);
    }

    /// <summary>Python's str.isprintable of one code point.</summary>
    public static bool IsPrintable(int point) => point == ' ' || Category(point) is not (UnicodeCategory.Control or UnicodeCategory.Format
        or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator
        or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);

    /// <summary>Unicode category of a code point, also of a lone surrogate.</summary>
    public static UnicodeCategory Category(int point) =>
        point is >= 0xD800 and <= 0xDFFF ? UnicodeCategory.Surrogate : CharUnicodeInfo.GetUnicodeCategory(point);

    private static void Append(RenderState state, StringBuilder builder, object value, int depth)
    {
        if (depth > TemplateLimits.ValueDepth)
        {
            throw new TemplateException($"a value is nested deeper than {TemplateLimits.ValueDepth}");
        }

        if (builder.Length > TemplateLimits.TextCharacters)
        {
            throw new TemplateException($"a text is longer than {TemplateLimits.TextCharacters} characters");
        }

        switch (value)
        {
            case string s:
                state.Scan(s.Length);
                AppendQuoted(builder, s);
                break;
            case Markup m:
                builder.Append("Markup(");
                AppendQuoted(builder, m.Text);
                builder.Append(')');
                break;
            case BigInteger n:
                builder.Append(n.ToString(CultureInfo.InvariantCulture));
                break;
            case List<object> list:
                AppendItems(state, builder.Append('['), list, depth).Append(']');
                break;
            case PyTuple tuple:
                AppendItems(state, builder.Append('('), tuple.Items, depth).Append(tuple.Items.Length == 1 ? ",)" : ")");
                break;
            case PyDict dict:
                AppendDict(state, builder, dict, depth);
                break;
            case PyDictView view:
                AppendItems(state, builder.Append("dict_").Append(view.Kind).Append("(["), view.Items, depth).Append("])");
                break;
            case PyNamespace space:
                builder.Append("<Namespace ");
                AppendDict(state, builder, space.Attributes, depth);
                builder.Append('>');
                break;
            case PyRange range:
                builder.Append(CultureInfo.InvariantCulture, $"range({range.Start}, {range.Stop}");
                builder.Append(range.Step == 1 ? ")" : string.Create(CultureInfo.InvariantCulture, $", {range.Step})"));
                break;
            case Undefined:
                builder.Append("Undefined");
                break;
            case LoopContext loop:
                builder.Append(CultureInfo.InvariantCulture, $"<LoopContext {loop.Index}/{loop.Length}>");
                break;
            case Macro macro:
                builder.Append("<Macro ");
                AppendQuoted(builder, macro.Name);
                builder.Append('>');
                break;
            case PyGenerator or PyCallable:
                // Python prints a memory address here, which no two runs share.
                throw new TemplateException($"a {PythonTypes.Name(value)} has no text of its own; call it, or add the list filter");
            default:
                builder.Append(Repr(state, value));
                break;
        }
    }

    private static StringBuilder AppendItems(RenderState state, StringBuilder builder, IEnumerable<object> items, int depth)
    {
        string separator = "";
        foreach (object item in items)
        {
            builder.Append(separator);
            Append(state, builder, item, depth + 1);
            separator = ", ";
        }

        return builder;
    }

    private static void AppendDict(RenderState state, StringBuilder builder, PyDict dict, int depth)
    {
        builder.Append('{');
        string separator = "";
        foreach ((object? key, object? value) in dict)
        {
            builder.Append(separator);
            Append(state, builder, key, depth + 1);
            Append(state, builder.Append(": "), value, depth + 1);
            separator = ", ";
        }

        builder.Append('}');
    }
}
