using System.Globalization;

namespace Rm.Host.Tests.Tokenization;

/// <summary>How long the seeded fuzz tests run: BTRM_FUZZ_ITERATIONS, or a default that takes a second or two.</summary>
internal static class FuzzSettings
{
    /// <summary>First seed: BTRM_FUZZ_SEED, or the test's own.</summary>
    public static int FirstSeed(int otherwise) => Setting("BTRM_FUZZ_SEED", otherwise);

    /// <param name="otherwise">The default.</param>
    /// <param name="cost">How many ordinary damaged files one of this kind takes the time of.</param>
    public static int Iterations(int otherwise, int cost = 1) => Math.Max(1, Setting("BTRM_FUZZ_ITERATIONS", otherwise * cost) / cost);

    public static string Escape(string text) => string.Concat(text.Select(c => c is >= ' ' and <= '~' ? $"{c}" : $"\\u{(int)c:X4}"));

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out int value) ? value : otherwise;
}
