using System.Globalization;
using System.Numerics;

namespace Rm.Host.Serving.Json;

/// <summary>What pydantic takes for a number or a truth value where it is not strict, as in the servers that are imitated.</summary>
internal static class LaxValues
{
    private const NumberStyles Style = NumberStyles.AllowLeadingSign | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite;

    /// <summary>A whole number: 5, 5.0, "5" or true. Beyond 64 bits it is clamped, which every bound refuses anyway.</summary>
    public static bool TryInteger(object? value, out long number)
    {
        switch (value)
        {
            case long whole:
                number = whole;
                return true;
            case BigInteger big:
                number = big.Sign < 0 ? long.MinValue : long.MaxValue;
                return true;
            case bool truth:
                number = truth ? 1 : 0;
                return true;
            case double real when real == Math.Floor(real) && Math.Abs(real) < 9e15:
                number = (long)real;
                return true;
            case string text when text.Length <= 30 && long.TryParse(text, Style, CultureInfo.InvariantCulture, out number):
                return true;
            default:
                number = 0;
                return false;
        }
    }

    /// <summary>A truth value: true, 0, 1.0, "false", "no", "off" and so on.</summary>
    public static bool TryBoolean(object? value, out bool truth)
    {
        bool? found = value switch
        {
            bool exact => exact,
            0L or 0.0 => false,
            1L or 1.0 => true,
            string text when text.Length <= 5 => text.ToLowerInvariant() switch
            {
                "0" or "off" or "f" or "false" or "n" or "no" => false,
                "1" or "on" or "t" or "true" or "y" or "yes" => true,
                _ => null,
            },
            _ => null,
        };
        truth = found ?? false;
        return found is not null;
    }
}
