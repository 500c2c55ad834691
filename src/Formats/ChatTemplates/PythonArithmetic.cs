using System.Numerics;

namespace Rm.Formats.ChatTemplates;

/// <summary>Python's arithmetic on bool, int (unbounded up to <see cref="TemplateLimits.IntegerBits"/>) and float.</summary>
internal static class PythonArithmetic
{
    public static bool IsNumber(object value) => value is long or double or bool or BigInteger;

    /// <summary>An int, that is long, BigInteger or bool.</summary>
    public static bool IsInteger(object value) => value is long or bool or BigInteger;

    public static BigInteger ToBig(object value) => value switch
    {
        long n => n,
        bool b => b ? 1 : 0,
        BigInteger n => n,
        _ => throw new TemplateException($"an integer is needed, not {PythonTypes.Name(value)}"),
    };

    /// <summary>A long where it fits.</summary>
    public static object Normalize(BigInteger value)
    {
        if (value >= long.MinValue && value <= long.MaxValue)
        {
            return (long)value;
        }

        return value.GetBitLength() <= TemplateLimits.IntegerBits
            ? value
            : throw new TemplateException($"an integer is longer than {TemplateLimits.IntegerBits} bits");
    }

    public static double ToDouble(object value)
    {
        switch (value)
        {
            case double d:
                return d;
            case long n:
                return n;
            case bool b:
                return b ? 1 : 0;
            case BigInteger n:
                double result = (double)n;
                return double.IsFinite(result) ? result : throw new TemplateException("int too large to convert to float");
            default:
                throw new TemplateException($"a number is needed, not {PythonTypes.Name(value)}");
        }
    }

    /// <summary>Negative, zero, positive; null when a NaN takes part. Exact, also between large integers and floats.</summary>
    public static int? Compare(object x, object y)
    {
        if (x is long a && y is long b)
        {
            return a.CompareTo(b);
        }

        if (IsInteger(x) && IsInteger(y))
        {
            return ToBig(x).CompareTo(ToBig(y));
        }

        if (x is double u && y is double v)
        {
            return u < v ? -1 : u > v ? 1 : u == v ? 0 : null;
        }

        return x is double d ? -CompareIntegerToFloat(ToBig(y), d) : CompareIntegerToFloat(ToBig(x), (double)y);
    }

    public static object Add(object x, object y)
    {
        if (x is long a && y is long b)
        {
            long sum = unchecked(a + b);
            return ((a ^ sum) & (b ^ sum)) < 0 ? (object)((BigInteger)a + b) : sum;
        }

        return IsInteger(x) && IsInteger(y) ? Normalize(ToBig(x) + ToBig(y)) : ToDouble(x) + ToDouble(y);
    }

    public static object Subtract(object x, object y) =>
        IsInteger(x) && IsInteger(y) ? Normalize(ToBig(x) - ToBig(y)) : ToDouble(x) - ToDouble(y);

    public static object Multiply(object x, object y) =>
        IsInteger(x) && IsInteger(y) ? Normalize(ToBig(x) * ToBig(y)) : ToDouble(x) * ToDouble(y);

    public static object Divide(object x, object y)
    {
        RequireNonZero(y, "division by zero");
        if (x is BigInteger || y is BigInteger)
        {
            throw new TemplateException("division of integers beyond 64 bits is not supported");
        }

        return ToDouble(x) / ToDouble(y);
    }

    public static object FloorDivide(object x, object y)
    {
        RequireNonZero(y, "integer division or modulo by zero");
        if (IsInteger(x) && IsInteger(y))
        {
            var quotient = BigInteger.DivRem(ToBig(x), ToBig(y), out BigInteger remainder);
            return Normalize(!remainder.IsZero && remainder.Sign != ToBig(y).Sign ? quotient - 1 : quotient);
        }

        (double a, double b) = (ToDouble(x), ToDouble(y));
        double mod = (double)Modulo(a, b);

        // As CPython does: the quotient of what divides exactly, rounded to the nearest whole number.
        double div = (a - mod) / b;
        double floor = Math.Floor(div);
        return div == 0 ? Math.CopySign(0.0, a / b) : div - floor > 0.5 ? floor + 1 : floor;
    }

    public static object Modulo(object x, object y)
    {
        RequireNonZero(y, "integer division or modulo by zero");
        if (IsInteger(x) && IsInteger(y))
        {
            BigInteger divisor = ToBig(y);
            var remainder = BigInteger.Remainder(ToBig(x), divisor);
            return Normalize(!remainder.IsZero && remainder.Sign != divisor.Sign ? remainder + divisor : remainder);
        }

        double b = ToDouble(y);
        double mod = ToDouble(x) % b;
        return mod == 0 ? Math.CopySign(0.0, b) : mod < 0 != b < 0 ? mod + b : mod;
    }

    public static object Power(object x, object y)
    {
        if (!IsInteger(x) || !IsInteger(y))
        {
            (double a, double b) = (ToDouble(x), ToDouble(y));
            if (a == 0 && b < 0)
            {
                throw new TemplateException("zero to a negative power");
            }

            if (a < 0 && double.IsFinite(a) && double.IsFinite(b) && b != Math.Floor(b))
            {
                throw new TemplateException("a negative number to a fractional power is complex, which is not supported");
            }

            double power = Math.Pow(a, b);
            return double.IsInfinity(power) && double.IsFinite(a) && double.IsFinite(b)
                ? throw new TemplateException("a power is too large for a float")
                : power;
        }

        (BigInteger bottom, BigInteger exponent) = (ToBig(x), ToBig(y));
        if (exponent.Sign < 0)
        {
            return Power(ToDouble(x), (object)ToDouble(y));
        }

        if (bottom.IsZero || bottom.IsOne || bottom == BigInteger.MinusOne)
        {
            return exponent.IsZero ? 1L : (long)(bottom.Sign < 0 && exponent.IsEven ? 1 : bottom);
        }

        // |bottom| >= 2: the result has at least (bits of |bottom| - 1) * exponent bits.
        return exponent * (BigInteger.Abs(bottom).GetBitLength() - 1) > TemplateLimits.IntegerBits
            ? throw new TemplateException($"an integer is longer than {TemplateLimits.IntegerBits} bits")
            : Normalize(BigInteger.Pow(bottom, (int)exponent));
    }

    /// <summary>Python's int(float).</summary>
    public static object Truncate(double value) => double.IsFinite(value)
        ? Normalize(new BigInteger(value))
        : throw new TemplateException("cannot convert float infinity or NaN to integer");

    private static int CompareIntegerToFloatExact(BigInteger x, double y)
    {
        var whole = new BigInteger(Math.Floor(y));
        int order = x.CompareTo(whole);
        return order != 0 ? order : y > Math.Floor(y) ? -1 : 0;
    }

    private static int? CompareIntegerToFloat(BigInteger x, double y) =>
        double.IsNaN(y) ? null : double.IsInfinity(y) ? -Math.Sign(y) : CompareIntegerToFloatExact(x, y);

    private static void RequireNonZero(object value, string message)
    {
        if (ToDouble(value) == 0)
        {
            throw new TemplateException(message);
        }
    }
}
