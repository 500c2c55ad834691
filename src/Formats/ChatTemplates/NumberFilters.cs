using System.Globalization;
using System.Numerics;

namespace Rm.Formats.ChatTemplates;

/// <summary>Filters whose result is a number.</summary>
internal static class NumberFilters
{
    public static object Abs(RenderState state, object value, CallArguments arguments)
    {
        arguments.Bind("abs", 0);
        return value switch
        {
            double d => Math.Abs(d),
            long or bool or BigInteger => PythonArithmetic.Normalize(BigInteger.Abs(PythonArithmetic.ToBig(value))),
            Undefined u => throw u.Error(),
            _ => throw new TemplateException($"abs needs a number, not {PythonTypes.Name(value)}"),
        };
    }

    public static object Round(RenderState state, object value, CallArguments arguments)
    {
        object?[] p = arguments.Bind("round", 0, "precision", "method");
        int precision = p[0] is null ? 0 : PythonTypes.RequireInt(p[0]!, "round's precision");
        string method = p[1] is null ? "common" : PythonTypes.RequireText(p[1]!, "round's method");
        if (method is not ("common" or "ceil" or "floor"))
        {
            throw new TemplateException("round's method must be common, ceil or floor");
        }

        if (!PythonArithmetic.IsNumber(value))
        {
            throw (value as Undefined)?.Error() ?? new TemplateException($"round needs a number, not {PythonTypes.Name(value)}");
        }

        if (method == "common")
        {
            return value is double d ? ExactDecimal.Round(d, precision) : RoundInteger(PythonArithmetic.ToBig(value), precision);
        }

        object scale = PythonArithmetic.Power(10L, (long)precision);
        object scaled = PythonArithmetic.Multiply(value, scale);
        object whole = scaled is double x ? PythonArithmetic.Truncate(method == "ceil" ? Math.Ceiling(x) : Math.Floor(x)) : scaled;
        return PythonArithmetic.Divide(whole, scale);
    }

    /// <summary>Python's int() of a number or text, else the default.</summary>
    public static object ToInt(RenderState state, object value, CallArguments arguments)
    {
        object?[] p = arguments.Bind("int", 0, "default", "base");
        int radix = p[1] is null ? 10 : PythonTypes.RequireInt(p[1]!, "int's base");
        object fallback = p[0] ?? 0L;
        switch (value)
        {
            case long or BigInteger:
                return value;
            case bool b:
                return b ? 1L : 0L;
            case double d:
                return double.IsNaN(d) ? fallback : PythonArithmetic.Truncate(d);
            case Undefined u:
                throw u.Error();
        }

        if (!PythonTypes.TryText(value, out string? text))
        {
            return fallback;
        }

        if (radix is not 0 and (< 2 or > 36))
        {
            return TryFloat(text) is { } y && double.IsFinite(y) ? PythonArithmetic.Truncate(y) : fallback;
        }

        state.Scan(text.Length);
        return ParseInteger(text, radix) ?? (TryFloat(text) is { } x && double.IsFinite(x) ? PythonArithmetic.Truncate(x) : fallback);
    }

    /// <summary>Python's float() of a number or text, else the default.</summary>
    public static object ToFloat(RenderState state, object value, CallArguments arguments)
    {
        object fallback = arguments.Bind("float", 0, "default")[0] ?? 0.0;
        if (value is Undefined u)
        {
            throw u.Error();
        }

        return PythonArithmetic.IsNumber(value) ? PythonArithmetic.ToDouble(value)
            : PythonTypes.TryText(value, out string? text) && TryFloat(text) is { } number ? number : fallback;
    }

    /// <summary>A number of bytes for people: 13 kB, 4.1 MB.</summary>
    public static object FileSize(RenderState state, object value, CallArguments arguments)
    {
        bool binary = PythonTypes.Flag(arguments.Bind("filesizeformat", 0, "binary")[0]);
        double bytes = PythonArithmetic.IsNumber(value) ? PythonArithmetic.ToDouble(value)
            : PythonTypes.TryText(value, out string? text) && TryFloat(text) is { } number ? number
            : throw new TemplateException("the input of filesizeformat must be a number");
        double unit = binary ? 1024 : 1000;
        if (bytes == 1)
        {
            return "1 Byte";
        }

        if (!double.IsFinite(bytes))
        {
            throw new TemplateException("filesizeformat needs a finite number");
        }

        if (bytes < unit)
        {
            return $"{PythonText.Str(state, PythonArithmetic.Truncate(bytes))} Bytes";
        }

        const string prefixes = "kMGTPEZY";
        int power = 0;
        while (power < prefixes.Length - 1 && bytes >= Power(power + 2))
        {
            power++;
        }

        string prefix = binary ? $"{char.ToUpperInvariant(prefixes[power])}iB" : $"{prefixes[power]}B";
        return PercentFormat.Format(state, "%.1f " + prefix, unit * bytes / Power(power + 2));

        double Power(int exponent) => (double)BigInteger.Pow((int)unit, exponent);
    }

    /// <summary>Python's sum(), floats with its compensated summation.</summary>
    public static object Sum(RenderState state, object value, CallArguments arguments)
    {
        object?[] p = arguments.Bind("sum", 0, "attribute", "start");
        var attribute = AttributePath.Of(p[0]);
        object total = p[1] ?? 0L;
        if (PythonTypes.TryText(total, out _))
        {
            throw new TemplateException("sum cannot add texts; use join");
        }

        double compensation = 0.0;
        foreach (object item in PythonIteration.Iterate(state, value))
        {
            object next = attribute.Get(state, item);
            if (total is double sum && PythonArithmetic.IsNumber(next))
            {
                // Neumaier: the part of the smaller addend that the sum cannot hold.
                double x = PythonArithmetic.ToDouble(next);
                double t = sum + x;
                compensation += Math.Abs(sum) >= Math.Abs(x) ? sum - t + x : x - t + sum;
                total = t;
            }
            else
            {
                total = PythonOperators.Binary(state, "+", total, next);
            }
        }

        return total is double result && compensation != 0 && double.IsFinite(compensation) ? result + compensation : total;
    }

    private static object RoundInteger(BigInteger value, int precision)
    {
        if (precision >= 0)
        {
            return PythonArithmetic.Normalize(value);
        }

        if (precision < -5000)
        {
            return 0L;
        }

        var unit = BigInteger.Pow(10, -precision);
        var quotient = BigInteger.DivRem(BigInteger.Abs(value), unit, out BigInteger remainder);
        int half = (remainder * 2).CompareTo(unit);
        quotient += half > 0 || (half == 0 && !quotient.IsEven) ? 1 : 0;
        return PythonArithmetic.Normalize(quotient * unit * value.Sign);
    }

    private static object? ParseInteger(string text, int radix)
    {
        text = Trim(text);
        bool isNegative = text.StartsWith('-');
        text = text.Length > 0 && text[0] is ('+' or '-') ? text[1..] : text;
        int prefix = text.Length > 1 && text[0] == '0' ? char.ToLowerInvariant(text[1]) switch
        {
            'x' => 16,
            'o' => 8,
            'b' => 2,
            _ => 0,
        } : 0;
        if (prefix != 0 && (radix == prefix || radix == 0))
        {
            (text, radix) = (text[2..], prefix);
            text = text.StartsWith('_') ? text[1..] : text;
        }
        else if (radix == 0)
        {
            // Base 0 reads literals, which have no leading zero.
            radix = text.Length > 1 && text[0] == '0' && text.Trim('0', '_').Length > 0 ? 1 : 10;
        }

        return IntegerText.Parse(text, radix) is { } value ? isNegative ? PythonArithmetic.Subtract(0L, value) : value : null;
    }

    private static double? TryFloat(string text)
    {
        text = Trim(text);
        string unsigned = (text.Length > 0 && text[0] is ('+' or '-') ? text[1..] : text).ToLowerInvariant();
        double sign = text.StartsWith('-') ? -1.0 : 1.0;
        if (unsigned is "inf" or "infinity" or "nan")
        {
            return unsigned == "nan" ? double.NaN : sign * double.PositiveInfinity;
        }

        for (int i = 0; i < unsigned.Length; i++)
        {
            bool isDigit = char.IsAsciiDigit(unsigned[i]);
            bool isJoint = unsigned[i] == '_' && i > 0 && i + 1 < unsigned.Length
                && char.IsAsciiDigit(unsigned[i - 1]) && char.IsAsciiDigit(unsigned[i + 1]);
            if (!isDigit && !isJoint && unsigned[i] is not ('.' or 'e' or '+' or '-'))
            {
                return null;
            }
        }

        string digits = unsigned.Replace("_", "", StringComparison.Ordinal);
        const NumberStyles Style = NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return double.TryParse(digits, Style, CultureInfo.InvariantCulture, out double value) ? sign * value : null;
    }

    private static string Trim(string text)
    {
        (int start, int end) = (0, text.Length);
        while (start < end && CodePoints.IsSpace(text[start]))
        {
            start++;
        }

        while (end > start && CodePoints.IsSpace(text[end - 1]))
        {
            end--;
        }

        return text[start..end];
    }
}
