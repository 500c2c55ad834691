using System.Globalization;

namespace Rm.Training.Memory;

/// <summary>How sizes of memory are written, and read, for users.</summary>
internal static class MemoryText
{
    private static readonly (string Unit, double Bytes)[] Units =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12),
    ];

    /// <summary>"1.23 GiB", or "12.3 MiB" below that.</summary>
    public static string Size(long bytes) => Math.Abs(bytes) >= 1L << 30
        ? string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):F2} GiB")
        : string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 20):F1} MiB");

    /// <summary>
    /// Reads "24GB" (a billion bytes each), "22.5GiB" (2^30 each), "512MiB" or a number of bytes; null for anything else.
    /// </summary>
    public static long? Parse(string text)
    {
        string trimmed = text.Trim();
        (string unit, double scale) = Units.FirstOrDefault(
            u => trimmed.EndsWith(u.Unit, StringComparison.OrdinalIgnoreCase), (Unit: "", Bytes: 1.0));
        return double.TryParse(
            trimmed.AsSpan(0, trimmed.Length - unit.Length).TrimEnd(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture,
            out double value)
            && value * scale is >= 0 and < 1e18 and double bytes
                ? (long)bytes
                : null;
    }
}
