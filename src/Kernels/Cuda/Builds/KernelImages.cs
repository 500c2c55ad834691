using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Cuda.Builds;

/// <summary>Machine code of the embedded sources for one architecture: from the cache, else compiled by NVRTC and cached.</summary>
internal sealed class KernelImages
{
    private readonly KernelSources _sources;
    private readonly KernelCache _cache;
    private readonly CudaArchitecture _architecture;
    private readonly Lazy<KernelCompiler?> _compiler = new(KernelCompiler.TryFind);

    /// <summary>Images of <paramref name="sources"/> for <paramref name="architecture"/>.</summary>
    public KernelImages(KernelSources sources, KernelCache cache, CudaArchitecture architecture)
    {
        _sources = sources;
        _cache = cache;
        _architecture = architecture;
    }

    private KernelCompiler Compiler => _compiler.Value ?? throw new InvalidOperationException(
        $"This build has no kernels for a GPU of compute capability {_architecture}, and NVRTC, which would compile them, is not "
        + $"installed ({string.Join(", ", CudaLibraries.Candidates(CudaLibraries.Nvrtc))}). Install NVRTC 12 or newer (part of the CUDA "
        + $"toolkit), or set {CudaLibraries.NvrtcVariable} to its path; `btrm doctor` shows what was found.");

    /// <summary>The cached image of <paramref name="unit"/>, or null.</summary>
    /// <exception cref="InvalidOperationException">NVRTC is not installed: without its version the right entry is not known.</exception>
    public byte[]? Cached(string unit) => _cache.Read(Key(unit));

    /// <summary>Compiles <paramref name="unit"/> and replaces its cache entry.</summary>
    /// <exception cref="InvalidOperationException">NVRTC is not installed, or the unit does not compile.</exception>
    public byte[] Compile(string unit)
    {
        (byte[] image, _) = Compiler.Compile(_sources, unit, _architecture);
        _cache.Write(Key(unit), image);
        return image;
    }

    private KernelCacheKey Key(string unit) => KernelCacheKey.For(Compiler, _sources, unit, _architecture);
}
