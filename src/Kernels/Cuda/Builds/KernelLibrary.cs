using System.Collections.Concurrent;
using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Cuda.Builds;

/// <summary>
/// Finds kernels by name on one device and loads their code at first use: from the fatbin that the build embedded, else compiled by NVRTC
/// (through the cache), else, under the emulator, from the emulator itself.
/// </summary>
internal sealed class KernelLibrary : IDisposable
{
    private readonly CudaDevice _device;
    private readonly KernelSources _sources;
    private readonly KernelImages _images;
    private readonly bool _linked;
    private readonly ConcurrentDictionary<string, CudaKernel> _kernels = new(StringComparer.Ordinal);
    private readonly Dictionary<string, KernelModuleHandle> _modules = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private KernelModuleHandle? _fatbin;
    private bool _fatbinTried;

    /// <summary>Kernels of this assembly for <paramref name="device"/>.</summary>
    /// <param name="device">Where they run.</param>
    /// <param name="cache">Where kernels compiled here are kept; the user's folder by default.</param>
    /// <param name="linked">Whether the driver has the kernels itself: by default where it is the emulator or a rehearsal.</param>
    public KernelLibrary(CudaDevice device, KernelCache? cache = null, bool? linked = null)
    {
        _device = device;
        _linked = linked ?? (CudaDriver.IsRehearsal || CudaLibraries.IsEmulated);
        _sources = KernelSources.Embedded;
        _images = new KernelImages(_sources, cache ?? new KernelCache(KernelCache.DefaultFolder), device.Architecture);
    }

    /// <summary>The kernel <paramref name="name"/>, loaded.</summary>
    /// <exception cref="ArgumentException">There is no such kernel.</exception>
    /// <exception cref="CudaException">The driver refuses the image.</exception>
    /// <exception cref="InvalidOperationException">There is neither a usable fatbin nor NVRTC, or the source does not compile.</exception>
    public CudaKernel Get(string name)
    {
        if (_kernels.TryGetValue(name, out CudaKernel? kernel))
        {
            return kernel;
        }

        lock (_gate)
        {
            return _kernels.GetOrAdd(name, static (wanted, library) => library.Load(wanted), this);
        }
    }

    public void Dispose()
    {
        foreach (KernelModuleHandle module in _modules.Values)
        {
            module.Dispose();
        }

        _fatbin?.Dispose();
    }

    private CudaKernel Load(string name)
    {
        string unit = _sources.UnitOf(name);
        return new CudaKernel(_linked ? LinkedModule(unit) : Fatbin() ?? CompiledModule(unit), name);
    }

    // Any image yields the kernels linked into the emulator, and a rehearsal's, which do nothing.
    private KernelModuleHandle LinkedModule(string unit) =>
        _modules.TryGetValue(unit, out KernelModuleHandle? module) ? module : Keep(unit, [0], "linked into the emulator");

    private KernelModuleHandle? Fatbin()
    {
        if (!_fatbinTried)
        {
            _fatbinTried = true;
            if (KernelSources.ReadFatbin() is { } image)
            {
                try
                {
                    _fatbin = KernelModuleHandle.Load(_device.Context, image, "the embedded fatbin");
                }
                catch (CudaException refused) when (refused.Result
                    is CudaResult.NoBinaryForGpu or CudaResult.UnsupportedPtxVersion or CudaResult.JitCompilerNotFound)
                {
                    // Built before this architecture existed, or for a newer driver: NVRTC may still help.
                }
            }
        }

        return _fatbin;
    }

    private KernelModuleHandle CompiledModule(string unit)
    {
        if (_modules.TryGetValue(unit, out KernelModuleHandle? loaded))
        {
            return loaded;
        }

        if (_images.Cached(unit) is { } cached)
        {
            try
            {
                return Keep(unit, cached, "from the kernel cache");
            }
            catch (CudaException refused) when (refused.Result is CudaResult.InvalidImage or CudaResult.NoBinaryForGpu)
            {
                // Whole, and yet not for this driver: compiling replaces the entry.
            }
        }

        return Keep(unit, _images.Compile(unit), "compiled by NVRTC");
    }

    private KernelModuleHandle Keep(string unit, byte[] image, string origin)
    {
        KernelModuleHandle module = KernelModuleHandle.Load(_device.Context, image, $"{unit}, {origin}");
        _modules.Add(unit, module);
        return module;
    }
}
