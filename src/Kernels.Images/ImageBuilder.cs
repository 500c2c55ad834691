using System.Collections.Concurrent;
using System.Text;
using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Builds;

namespace Rm.Kernels.Images;

/// <summary>
/// Compiles every unit with NVRTC for every architecture that it knows among those with GPUs that train, and to PTX of the oldest, which
/// drivers translate for newer GPUs (CUDA 12.4 or newer for that of NVRTC 12.4).
/// </summary>
internal static class ImageBuilder
{
    private static readonly CudaArchitecture[] Architectures =
        [new(8, 0), new(8, 6), new(8, 9), new(9, 0), new(10, 0), new(10, 3), new(12, 0)];

    /// <summary>Writes one file a target into <paramref name="folder"/>, in place of what is there; returns a line about each.</summary>
    /// <remarks>What was compiled before, from the same sources by the same compiler, comes from a cache in that folder.</remarks>
    /// <exception cref="InvalidOperationException">NVRTC is not installed, or a unit does not compile.</exception>
    public static IEnumerable<string> Build(string folder)
    {
        KernelCompiler compiler = KernelCompiler.TryFind()
            ?? throw new InvalidOperationException(
                "NVRTC is not installed: set BTRM_NVRTC_LIBRARY to its path (native/scripts/get-nvrtc.sh fetches it).");
        KernelSources sources = KernelSources.Embedded;
        KernelCache cache = new(Path.Combine(folder, "cache"));
        string[] targets =
        [
            KernelImageFile.PortableTarget,
            .. Architectures.Where(architecture => compiler.Architectures.Contains(architecture.Number))
                .Select(static architecture => architecture.Target),
        ];
        ConcurrentDictionary<(string Target, string Unit), byte[]> images = new();
        Parallel.ForEach(
            targets.SelectMany(target => sources.Units.Keys.Select(unit => (Target: target, Unit: unit))),
            work => images[work] = Compile(compiler, sources, cache, work.Unit, work.Target));

        foreach (string old in Directory.EnumerateFiles(folder, "*.images"))
        {
            File.Delete(old);
        }

        foreach (string target in targets)
        {
            KernelImageFile file = new(target, $"NVRTC {compiler.Version.ToString(2)}");
            long plain = 0;
            foreach (string unit in sources.Units.Keys.Where(unit => HasKernels(images[(target, unit)], sources, unit)))
            {
                plain += images[(target, unit)].Length;
                file.Add(unit, KernelCacheKey.OfSources(sources, unit), images[(target, unit)]);
            }

            string path = Path.Combine(folder, target + ".images");
            using FileStream stream = File.Create(path);
            file.Write(stream);
            yield return $"{target}: {file.Count} units, {plain / 1e6:F1} MB, compressed {stream.Length / 1e6:F2} MB";
        }
    }

    private static byte[] Compile(KernelCompiler compiler, KernelSources sources, KernelCache cache, string unit, string target)
    {
        KernelCacheKey key = new($"nvrtc {compiler.Version}", target, KernelCacheKey.OfSources(sources, unit).ToString());
        if (cache.Read(key) is { } cached)
        {
            return cached;
        }

        (byte[] image, _) = compiler.Compile(sources, unit, target);
        cache.Write(key, image);
        return image;
    }

    // A unit for one architecture compiles to an image without kernels for the others: the loader shall not meet it.
    private static bool HasKernels(byte[] image, KernelSources sources, string unit) => sources.KernelsIn(unit).Any(kernel =>
        image.AsSpan().IndexOf(Encoding.ASCII.GetBytes($".text.{kernel}\0")) >= 0
        || image.AsSpan().IndexOf(Encoding.ASCII.GetBytes($".entry {kernel}(")) >= 0);
}
