using System.Numerics;

namespace Rm.Formats.ChatTemplates;

/// <summary>Integers in any base from 2 to 36, as Python's int(text, base) reads them.</summary>
internal static class IntegerText
{
    /// <summary>The value of unsigned digits (single underscores between them allowed), or null when they are malformed.</summary>
    public static object? Parse(string digits, int radix)
    {
        if (digits.Length is 0 or > 4300 || digits[0] == '_' || digits[^1] == '_' || digits.Contains("__", StringComparison.Ordinal))
        {
            return null;
        }

        BigInteger value = BigInteger.Zero;
        foreach (char c in digits)
        {
            if (c == '_')
            {
                continue;
            }

            int digit = char.IsAsciiDigit(c) ? c - '0' : char.IsAsciiLetter(c) ? char.ToLowerInvariant(c) - 'a' + 10 : 99;
            if (digit >= radix)
            {
                return null;
            }

            value = value * radix + digit;
        }

        return PythonArithmetic.Normalize(value);
    }

    /// <summary>Digits of a non-negative integer in a base up to 16.</summary>
    public static string Format(BigInteger value, int radix)
    {
        if (value.IsZero)
        {
            return "0";
        }

        var digits = new Stack<char>();
        for (; !value.IsZero; value /= radix)
        {
            digits.Push("0123456789abcdef"[(int)(value % radix)]);
        }

        return new string(digits.ToArray());
    }
}
