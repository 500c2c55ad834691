using System.Runtime.CompilerServices;

namespace Rm.Tests;

/// <summary>
/// Where the repository's test files lie: found from this source file's own path, or, where the tests run on a machine without the sources,
/// below the folder that <c>BTRM_TEST_REPOSITORY</c> names.
/// </summary>
internal static class TestPaths
{
    public static string Repository { get; } = Path.GetFullPath(
        Environment.GetEnvironmentVariable("BTRM_TEST_REPOSITORY") is { Length: > 0 } named
            ? named
            : Path.Combine(SourceFolder(), "..", ".."));

    private static readonly Lazy<string> UnpackedGolden = new(() => GoldenArchives.Unpack(Path.Combine(Repository, "tests", "golden")));

    /// <summary>The golden files, with what their archives hold beside them.</summary>
    public static string Golden => UnpackedGolden.Value;

    private static string SourceFolder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
