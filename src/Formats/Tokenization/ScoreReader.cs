using System.Globalization;

namespace Rm.Formats.Tokenization;

/// <summary>
/// The value of a score as Hugging Face's JSON reader takes it: the digits as a whole number, rounded to a double, then multiplied or
/// divided by a power of ten. That can be one unit in the last place off the nearest double, which decides between cuts of equal sums
/// ("mm m" or "m mm").
/// </summary>
internal static class ScoreReader
{
    private static readonly double[] powersOfTen =
        [.. Enumerable.Range(0, 309).Select(n => double.Parse($"1e{n}", NumberStyles.Float, CultureInfo.InvariantCulture))];

    /// <summary>Reads a JSON number. False when it is beyond all doubles.</summary>
    /// <param name="number">The number's text, valid JSON.</param>
    /// <param name="value">The value.</param>
    public static bool TryRead(ReadOnlySpan<byte> number, out double value)
    {
        bool negative = number[0] == '-';
        int at = negative ? 1 : 0;
        ulong digits = 0;
        long exponent = 0;
        bool full = false, fraction = false;
        for (; at < number.Length && (number[at] == '.' || char.IsAsciiDigit((char)number[at])); at++)
        {
            if (number[at] == '.')
            {
                fraction = true;
                continue;
            }

            uint digit = (uint)(number[at] - '0');
            // Digits that no longer fit are dropped; before the point they still count as places.
            full |= digits > (ulong.MaxValue - digit) / 10;
            digits = full ? digits : (digits * 10) + digit;
            exponent += full ? (fraction ? 0 : 1) : (fraction ? -1 : 0);
        }

        if (at < number.Length)
        {
            // After e or E; more than nine digits are as good as a thousand million.
            ReadOnlySpan<byte> written = number[(at + 1)..];
            exponent += int.TryParse(written, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int given)
                ? given
                : written[0] == '-' ? -1_000_000_000 : 1_000_000_000;
        }

        value = Scaled(digits, exponent);
        value = negative ? -value : value;
        return double.IsFinite(value);
    }

    private static double Scaled(double value, long exponent)
    {
        while (exponent < -308 && value != 0)
        {
            value /= powersOfTen[308];
            exponent += 308;
        }

        return value == 0 ? 0
            : exponent > 308 ? double.PositiveInfinity
            : exponent >= 0 ? value * powersOfTen[exponent] : value / powersOfTen[-exponent];
    }
}
