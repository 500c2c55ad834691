namespace Rm.Kernels.Tests.Planted;

/// <summary>An emulator with one mistake in its kernels: the objects of the built emulator, some of them compiled anew.</summary>
internal static class PlantedLibrary
{
    // As in native/CMakeLists.txt; less optimisation, because these are compiled more often than they run.
    private const string Flags = "-std=c++20 -O1 -fPIC -fvisibility=hidden -fvisibility-inlines-hidden -ffp-contract=off -fno-math-errno "
        + "-ftls-model=initial-exec -Wno-unknown-pragmas -w -DRM_EMULATOR";

    private static readonly TimeSpan CompilerLimit = TimeSpan.FromMinutes(3);

    private static string Objects =>
        Path.Combine(TestPaths.Repository, "out", "native", "emulator", "CMakeFiles", "btrm_emulator_core.dir");

    private static string Compiler => Environment.GetEnvironmentVariable("CXX") is { Length: > 0 } named ? named : "c++";

    /// <summary>Skips the calling test where the emulator has not been built or there is no compiler.</summary>
    public static void Require() => Assert.SkipUnless(
        Directory.Exists(Objects)
            && Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(folder => File.Exists(Path.Combine(folder, Compiler))),
        "needs the emulator's objects (native/build-emulator.sh) and a C++ compiler");

    /// <summary>
    /// Builds the library of <paramref name="bug"/> in <paramref name="folder"/> and gives its path; null plants nothing.
    /// </summary>
    public static string Build(PlantedBug? bug, string folder)
    {
        string patched = Path.Combine(folder, "cuda");
        IReadOnlyList<string> units = bug?.Units ?? ["swiglu.cu"];
        if (bug is not null)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(patched, bug.File))!);
            File.WriteAllText(Path.Combine(patched, bug.File), bug.PatchedText());
        }

        // The build leaves the objects of sources that are gone; those are no part of the library.
        List<string> objects = [.. Directory.EnumerateFiles(Objects, "*.o", SearchOption.AllDirectories)
            .Where(file => File.Exists(Path.Combine(TestPaths.Repository, "native", Path.GetRelativePath(Objects, file)[..^2])))
            .Where(file => !units.Any(unit => file.EndsWith($"{Path.DirectorySeparatorChar}{unit}.o", StringComparison.Ordinal)))];
        foreach (string unit in units)
        {
            string compiled = Path.Combine(folder, unit + ".o");
            string source = Path.Combine(PlantedBug.KernelFolder, unit);
            if (bug is not null && bug.File != unit)
            {
                // A copy beside the patched header: an include looks first where the including file lies.
                File.Copy(source, Path.Combine(patched, unit));
            }

            source = bug is null ? source : Path.Combine(patched, unit);
            Run(Compiler, [
                .. Flags.Split(' '), $"-I{patched}", $"-I{PlantedBug.KernelFolder}", $"-I{Path.GetDirectoryName(PlantedBug.KernelFolder)}",
                "-xc++", "-c", source, "-o", compiled]);
            objects.Add(compiled);
        }

        string library = Path.Combine(folder, "libbtrm_emulator.so");
        Run(Compiler, ["-shared", "-Wl,-z,nodelete", "-o", library, .. objects, "-lpthread", "-ldl"]);
        return library;
    }

    private static void Run(string program, IReadOnlyList<string> arguments)
    {
        (int code, string output) = ChildProcess.Run(program, arguments, new Dictionary<string, string>(), CompilerLimit);
        Assert.True(code == 0, $"{program} {string.Join(' ', arguments)}\n{output}");
    }
}
