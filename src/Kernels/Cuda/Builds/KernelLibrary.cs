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
    private readonly KernelCache _cache;
    private readonly ConcurrentDictionary<string, CudaKernel> _kernels = new(StringComparer.Ordinal);
    private readonly Dictionary<string, KernelModuleHandle> _modules = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private KernelModuleHandle? _fatbin;
    private bool _fatbinTried;

    /// <summary>Kernels of this assembly for <paramref name="device"/>, cached in <paramref name="cache"/> or the user's folder.</summary>
    public KernelLibrary(CudaDevice device, KernelCache? cache = null)
    {
        _device = device;
        _sources = KernelSources.Embedded;
        _cache = cache ?? new KernelCache(KernelCache.DefaultFolder);
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
        if (CudaLibraries.IsEmulated)
        {
            // Any image yields the kernels linked into the emulator; the unit's name makes its reports readable.
            return new CudaKernel(Module(unit, static name => System.Text.Encoding.UTF8.GetBytes(name + "\0"), "emulated"), name);
        }

        return new CudaKernel(Fatbin() ?? Module(unit), name);
    }

    private KernelModuleHandle Module(string unit, Func<string, byte[]> image, string description)
    {
        if (!_modules.TryGetValue(unit, out KernelModuleHandle? module))
        {
            module = KernelModuleHandle.Load(_device.Context, image(unit), $"{unit}, {description}");
            _modules.Add(unit, module);
        }

        return module;
    }

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

    private KernelModuleHandle Module(string unit)
    {
        if (_modules.TryGetValue(unit, out KernelModuleHandle? loaded))
        {
            return loaded;
        }

        KernelCompiler compiler = KernelCompiler.TryFind() ?? throw new InvalidOperationException(
            $"This build has no kernels for a GPU of compute capability {_device.Architecture}, and NVRTC, which would compile them, is not "
            + $"installed ({string.Join(", ", CudaLibraries.Candidates(CudaLibraries.Nvrtc))}). Install NVRTC 12 or newer (part of the CUDA "
            + $"toolkit), or set {CudaLibraries.NvrtcVariable} to its path; `btrm doctor` shows what was found.");
        KernelCacheKey key = KernelCacheKey.For(compiler, _sources, unit, _device.Architecture);
        if (_cache.Read(key) is { } cached)
        {
            try
            {
                return Module(unit, _ => cached, "from the kernel cache");
            }
            catch (CudaException refused) when (refused.Result is CudaResult.InvalidImage or CudaResult.NoBinaryForGpu)
            {
                _cache.Remove(key);
            }
        }

        (byte[] image, _) = compiler.Compile(_sources, unit, _device.Architecture);
        _cache.Write(key, image);
        return Module(unit, _ => image, $"compiled by NVRTC {compiler.Version}");
    }
}
