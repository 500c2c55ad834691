using System.Globalization;

namespace Rm.Host.Tests.Tokenization;

/// <summary>How long the seeded fuzz tests run: BTRM_FUZZ_ITERATIONS, or a default that takes a second or two.</summary>
internal static class FuzzSettings
{
    public static int Iterations(int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable("BTRM_FUZZ_ITERATIONS"), CultureInfo.InvariantCulture, out int count)
            ? count
            : otherwise;

    public static string Escape(string text) => string.Concat(text.Select(c => c is >= ' ' and <= '~' ? $"{c}" : $"\\u{(int)c:X4}"));
}
