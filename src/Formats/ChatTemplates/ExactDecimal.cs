using System.Globalization;
using System.Numerics;

namespace Rm.Formats.ChatTemplates;

/// <summary>Decimal digits of a float, exactly: what Python's round() and its number formats rest on.</summary>
internal static class ExactDecimal
{
    /// <summary>|value| * 10^digits rounded half to even, as an integer. <paramref name="value"/> is finite.</summary>
    public static BigInteger Scale(double value, int digits)
    {
        long bits = BitConverter.DoubleToInt64Bits(Math.Abs(value));
        int exponent = (int)(bits >> 52);
        long mantissa = bits & 0xFFFFFFFFFFFFF;
        if (exponent == 0)
        {
            exponent = 1;
        }
        else
        {
            mantissa |= 1L << 52;
        }

        exponent -= 1075;
        BigInteger numerator = (BigInteger)mantissa * BigInteger.Pow(10, Math.Max(digits, 0)) << Math.Max(exponent, 0);
        BigInteger denominator = BigInteger.Pow(10, Math.Max(-digits, 0)) << Math.Max(-exponent, 0);
        var quotient = BigInteger.DivRem(numerator, denominator, out BigInteger remainder);
        int half = (remainder * 2).CompareTo(denominator);
        return half > 0 || (half == 0 && !quotient.IsEven) ? quotient + 1 : quotient;
    }

    /// <summary>Python's round(value, digits) of a float.</summary>
    public static double Round(double value, int digits)
    {
        // Beyond these a float has no more digits, or none at all left.
        if (!double.IsFinite(value) || value == 0 || digits > 330)
        {
            return value;
        }

        if (digits < -310)
        {
            return Math.CopySign(0.0, value);
        }

        string text = Scale(value, digits).ToString(CultureInfo.InvariantCulture) + "E" + (-digits).ToString(CultureInfo.InvariantCulture);
        double rounded = double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture);
        return double.IsFinite(rounded)
            ? Math.CopySign(rounded, value)
            : throw new TemplateException("a rounded value is too large for a float");
    }

    /// <summary>|value| with so many digits after the point.</summary>
    public static string Fixed(double value, int digits)
    {
        string text = Scale(value, digits).ToString(CultureInfo.InvariantCulture).PadLeft(digits + 1, '0');
        return digits == 0 ? text : text[..^digits] + "." + text[^digits..];
    }

    /// <summary>|value| as so many significant digits, the first one non-zero, and the power of ten of that first one.</summary>
    public static (string Digits, int Exponent) Significant(double value, int count)
    {
        value = Math.Abs(value);
        if (value == 0)
        {
            return (new string('0', count), 0);
        }

        // The logarithm may be off by one next to a power of ten, and rounding may carry: the digit count tells.
        int exponent = (int)Math.Floor(Math.Log10(value));
        while (true)
        {
            string digits = Scale(value, count - 1 - exponent).ToString(CultureInfo.InvariantCulture);
            if (digits.Length == count)
            {
                return (digits, exponent);
            }

            exponent += digits.Length > count ? 1 : -1;
        }
    }
}
