using System.Collections.Concurrent;
using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Cuda.Builds;

/// <summary>
/// Finds kernels by name on one device and loads their code at first use: machine code of this build, its PTX, or compiled by NVRTC through
/// the cache (<see cref="KernelImages"/>). A dry run needs none; nor does the emulator in a build without machine code.
/// </summary>
internal sealed class KernelLibrary : IDisposable
{
    private readonly CudaDevice _device;
    private readonly KernelSources _sources = KernelSources.Embedded;
    private readonly KernelImages _images;
    private readonly bool _linked;
    private readonly ConcurrentDictionary<string, CudaKernel> _kernels = new(StringComparer.Ordinal);
    private readonly Dictionary<string, KernelModuleHandle> _modules = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();

    /// <summary>What the emulator takes in place of an image: all kernels that are linked into it.</summary>
    public static ReadOnlySpan<byte> LinkedImage => "btrm linked kernels\0"u8;

    /// <summary>Kernels of this assembly for <paramref name="device"/>.</summary>
    /// <param name="device">Where they run.</param>
    /// <param name="cache">Where kernels compiled here are kept; the user's folder by default.</param>
    /// <param name="linked">
    /// Whether the driver has the kernels itself: by default a dry run's, and the emulator's unless this build carries machine code.
    /// </param>
    /// <param name="embedded">Finds the compiled kernels of a target; by default those of this assembly.</param>
    public KernelLibrary(
        CudaDevice device, KernelCache? cache = null, bool? linked = null, Func<string, KernelImageFile?>? embedded = null)
        : this(
            device,
            new KernelImages(KernelSources.Embedded, cache ?? KernelCache.OfUser(), device.Architecture, embedded),
            linked ?? (CudaDriver.IsDryRun || (CudaLibraries.IsEmulated && !CudaLibraries.RunsPtx && EmbeddedImages.Targets.Count == 0)))
    {
    }

    /// <summary>The same with images of the caller's choice.</summary>
    public KernelLibrary(CudaDevice device, KernelImages images, bool linked = false)
    {
        _device = device;
        _images = images;
        _linked = linked;
    }

    /// <summary>The kernel <paramref name="name"/>, loaded.</summary>
    /// <exception cref="ArgumentException">There is no such kernel.</exception>
    /// <exception cref="CudaException">The driver refuses the image.</exception>
    /// <exception cref="KernelsUnavailableException">Neither this build nor NVRTC has code that the device can run.</exception>
    /// <exception cref="InvalidOperationException">The source does not compile.</exception>
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
    }

    private CudaKernel Load(string name)
    {
        string unit = _sources.UnitOf(name);
        return new CudaKernel(_linked ? LinkedModule(unit) : BuiltModule(unit), name);
    }

    private KernelModuleHandle LinkedModule(string unit) =>
        _modules.TryGetValue(unit, out KernelModuleHandle? module) ? module : Keep(unit, LinkedImage, "linked into the emulator");

    private KernelModuleHandle BuiltModule(string unit)
    {
        if (_modules.TryGetValue(unit, out KernelModuleHandle? loaded))
        {
            return loaded;
        }

        List<string> notes = [];
        foreach (KernelImage image in _images.Of(unit, notes))
        {
            try
            {
                return Keep(unit, image.Bytes, image.Origin);
            }
            catch (CudaException refused) when (refused.Result is CudaResult.InvalidImage or CudaResult.NoBinaryForGpu
                or CudaResult.InvalidPtx or CudaResult.UnsupportedPtxVersion or CudaResult.JitCompilerNotFound or CudaResult.JitDisabled)
            {
                // Whole, and yet not for this driver: the next one may be.
                notes.Add($"the driver refuses {unit}, {image.Origin}: {refused.Result}");
            }
        }

        throw new KernelsUnavailableException(
            $"There is no code of {unit} that {_device.Name} (compute capability {_device.Architecture}) can run: "
                + $"{string.Join("; ", notes)}. "
            + $"Take a release, which carries machine code, install a newer driver, or install NVRTC 12 or newer and set "
            + $"{CudaLibraries.NvrtcVariable} to its path; `btrm doctor` shows what was found.");
    }

    private KernelModuleHandle Keep(string unit, ReadOnlySpan<byte> image, string origin)
    {
        var module = KernelModuleHandle.Load(_device.Context, image, $"{unit}, {origin}");
        _modules.Add(unit, module);
        return module;
    }
}
