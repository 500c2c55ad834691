using System.Runtime.CompilerServices;

namespace Rm.Kernels.Tests;

/// <summary>Where the repository's test files lie, found from this source file's own path.</summary>
internal static class TestPaths
{
    public static string Repository { get; } = Path.GetFullPath(Path.Combine(SourceFolder(), "..", ".."));

    public static string Golden => Path.Combine(Repository, "tests", "golden");

    private static string SourceFolder([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
