namespace Rm.Kernels.Cuda.Driver;

/// <summary>
/// Folders outside the loader's path where libraries of the CUDA toolkit lie: the toolkit's own, conda's, and those of NVIDIA's Python
/// wheels, which are on most machines that have PyTorch.
/// </summary>
internal static class ToolkitFolders
{
    /// <summary>The folders that exist, of the toolkit's version <paramref name="major"/>, the likeliest first.</summary>
    /// <param name="wheel">The library's folder in wheels of CUDA 12: cuda_nvrtc, cublas. Those of CUDA 13 have one for all.</param>
    /// <param name="major">12 or 13.</param>
    /// <param name="variable">Reads an environment variable.</param>
    public static IEnumerable<string> Of(string wheel, int major, Func<string, string?> variable)
    {
        string? home = variable("HOME"), conda = variable("CONDA_PREFIX");
        IEnumerable<string> toolkits = new[] { variable("CUDA_HOME"), variable("CUDA_PATH") }.OfType<string>()
            .SelectMany(static root => new[] { Path.Combine(root, "lib64"), Path.Combine(root, "lib"), Path.Combine(root, "bin") });
        string?[] places = [variable("VIRTUAL_ENV"), conda, home is null ? null : Path.Combine(home, ".local"), "/usr/local", "/usr"];
        IEnumerable<string> prefixes = places.OfType<string>().Where(static prefix => prefix.Length != 0);
        IEnumerable<string> packages = prefixes.SelectMany(PackageFolders)
            .Concat((variable("PYTHONPATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries));
        string inPackages = major >= 13 ? Path.Combine("nvidia", $"cu{major}", "lib") : Path.Combine("nvidia", wheel, "lib");
        return toolkits
            .Concat(conda is null ? [] : [Path.Combine(conda, "lib")])
            .Concat([$"/usr/local/cuda-{major}/lib64", "/usr/local/cuda/lib64"])
            .Concat(packages.Select(folder => Path.Combine(folder, inPackages)))
            .Where(static folder => Path.IsPathFullyQualified(folder) && Directory.Exists(folder)).Distinct();
    }

    // lib/python3.11/site-packages, newest Python first; Debian says dist-packages, Windows has neither lib nor version.
    private static IEnumerable<string> PackageFolders(string prefix)
    {
        string[] pythons;
        try
        {
            pythons = Directory.Exists(Path.Combine(prefix, "lib"))
                ? Directory.GetDirectories(Path.Combine(prefix, "lib"), "python3*")
                : [];
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            pythons = [];
        }

        return pythons.OrderByDescending(static folder => Path.GetFileName(folder).Length)
            .ThenByDescending(static folder => folder, StringComparer.Ordinal)
            .SelectMany(static folder => new[] { Path.Combine(folder, "site-packages"), Path.Combine(folder, "dist-packages") })
            .Append(Path.Combine(prefix, "Lib", "site-packages"));
    }
}
