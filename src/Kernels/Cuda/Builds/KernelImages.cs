using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Cuda.Builds;

/// <summary>
/// Images of the embedded sources for one architecture, in the order in which they are tried: machine code that this build carries, its
/// PTX, the cache, NVRTC. What is passed over, and why, is noted for the message that says that nothing was left.
/// </summary>
internal sealed class KernelImages
{
    private readonly KernelSources _sources;
    private readonly KernelCache _cache;
    private readonly CudaArchitecture _architecture;
    private readonly Func<string, KernelImageFile?> _embedded;
    private readonly Lazy<KernelCompiler?> _compiler;

    /// <summary>Images of <paramref name="sources"/> for <paramref name="architecture"/>; NVRTC is looked for when it is needed.</summary>
    /// <param name="sources">The sources that every image must have been made from.</param>
    /// <param name="cache">Where compiled images are kept.</param>
    /// <param name="architecture">The device's.</param>
    /// <param name="embedded">Finds the images of a target; by default those of this assembly.</param>
    public KernelImages(
        KernelSources sources, KernelCache cache, CudaArchitecture architecture, Func<string, KernelImageFile?>? embedded = null)
        : this(sources, cache, architecture, embedded, new Lazy<KernelCompiler?>(KernelCompiler.TryFind))
    {
    }

    /// <summary>The same with this <paramref name="compiler"/>, or none.</summary>
    public KernelImages(
        KernelSources sources, KernelCache cache, CudaArchitecture architecture, Func<string, KernelImageFile?>? embedded,
        KernelCompiler? compiler)
        : this(sources, cache, architecture, embedded, new Lazy<KernelCompiler?>(compiler))
    {
    }

    private KernelImages(
        KernelSources sources, KernelCache cache, CudaArchitecture architecture, Func<string, KernelImageFile?>? embedded,
        Lazy<KernelCompiler?> compiler)
    {
        _compiler = compiler;
        _sources = sources;
        _cache = cache;
        _architecture = architecture;
        _embedded = embedded ?? EmbeddedImages.Find;
    }

    private KernelCompiler Compiler => _compiler.Value ?? throw new KernelsUnavailableException(
        $"This build has no kernels for a GPU of compute capability {_architecture}, and NVRTC is not installed.");

    /// <summary>
    /// The images of <paramref name="unit"/>, best first; each is read or compiled when it is its turn. What was passed over goes to
    /// <paramref name="notes"/>.
    /// </summary>
    /// <exception cref="InvalidOperationException">The unit does not compile.</exception>
    public IEnumerable<KernelImage> Of(string unit, ICollection<string> notes)
    {
        // The PTX machine wants what NVRTC makes for this very architecture; this build's PTX will do where there is no NVRTC.
        string[] targets = !CudaLibraries.RunsPtx ? [_architecture.Target, KernelImageFile.PortableTarget]
            : _compiler.Value is null ? [KernelImageFile.PortableTarget] : [];
        foreach (string target in targets)
        {
            if (Embedded(target, unit, notes) is { } image)
            {
                yield return image;
            }
        }

        if (_compiler.Value is null)
        {
            notes.Add($"NVRTC is not installed ({string.Join(", ", CudaLibraries.Candidates(CudaLibraries.Nvrtc))})");
            yield break;
        }

        if (Cached(unit) is { } cached)
        {
            yield return new KernelImage(cached, "from the kernel cache");
        }

        yield return new KernelImage(Compile(unit), $"compiled by NVRTC {Compiler.Version.ToString(2)}");
    }

    /// <summary>The cached image of <paramref name="unit"/>, or null.</summary>
    /// <exception cref="KernelsUnavailableException">NVRTC is not installed: without its version the right entry is not known.</exception>
    public byte[]? Cached(string unit) => _cache.Read(Key(unit));

    /// <summary>Compiles <paramref name="unit"/> and replaces its cache entry.</summary>
    /// <exception cref="InvalidOperationException">NVRTC is not installed, or the unit does not compile.</exception>
    public byte[] Compile(string unit)
    {
        (byte[] image, string log) = Compiler.Compile(_sources, unit, _architecture);
        _cache.Write(Key(unit), image, $"{unit}\n{log}\n");
        return image;
    }

    private KernelImage? Embedded(string target, string unit, ICollection<string> notes)
    {
        KernelImageFile? file;
        try
        {
            file = _embedded(target);
        }
        catch (InvalidDataException damaged)
        {
            notes.Add($"{target} of this build: {damaged.Message}");
            return null;
        }

        if (file is null)
        {
            notes.Add($"this build has no {target}");
            return null;
        }

        byte[]? image = file.Find(unit, _sources, out bool stale);
        if (image is null)
        {
            notes.Add(stale
                ? $"{target} of this build was made from other sources of {unit} and is not used"
                : $"{target} of this build has no {unit}");
            return null;
        }

        return new KernelImage(image, $"{target} of this build, by {file.Compiler}");
    }

    private KernelCacheKey Key(string unit) => KernelCacheKey.For(Compiler, _sources, unit, _architecture);
}

/// <summary>Something that the driver may load.</summary>
/// <param name="Bytes">A cubin, or PTX that ends with a zero byte.</param>
/// <param name="Origin">Where it comes from, for messages.</param>
internal sealed record KernelImage(byte[] Bytes, string Origin);
