using Rm.Kernels.Cuda.Builds;
using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Cuda;

/// <summary>Looks at the CUDA platform without changing anything; whatever is missing or broken is reported, never thrown.</summary>
public static class CudaProbe
{
    /// <summary>The state of driver, devices and kernel builds.</summary>
    public static CudaReport Run()
    {
        string? library = CudaLibraries.LoadedFrom(CudaLibraries.Driver);
        CudaBuildsReport builds = ProbeBuilds();
        List<CudaDeviceReport> devices = [];
        string? apiVersion = null;
        string? problem = null;
        using Nvml nvml = new();
        try
        {
            if (library is not null)
            {
                int version = CudaDriver.Version();
                apiVersion = $"{version / 1000}.{version % 1000 / 10}";
            }

            int count = CudaDevice.Count;
            for (int i = 0; i < count; i++)
            {
                devices.Add(ProbeDevice(i, nvml, builds));
            }

            problem = count == 0 ? "The driver sees no GPU: check nvidia-smi and CUDA_VISIBLE_DEVICES." : null;
        }
        catch (CudaException failure)
        {
            problem = failure.Message;
        }

        return new CudaReport(
            library, CudaLibraries.Candidates(CudaLibraries.Driver), CudaLibraries.IsEmulated,
            CudaDriver.Api.BindingName, apiVersion, nvml.DriverVersion, problem, devices, builds,
            CublasLt.IsAvailable ? CudaLibraries.LoadedFrom(CudaLibraries.CublasLt) : null, CublasLt.Version?.ToString());
    }

    private static CudaDeviceReport ProbeDevice(int ordinal, Nvml nvml, CudaBuildsReport builds)
    {
        using var device = CudaDevice.Open(ordinal);
        (double? power, int? clock) = nvml.Limits(device.Uuid);
        string? problem = null;
        if (!device.Architecture.IsSupported)
        {
            problem = $"Compute capability {device.Architecture} is too old: the kernels need {CudaArchitecture.Minimum}.";
        }
        else if (!CudaLibraries.IsEmulated && builds.NvrtcVersion is null
            && !builds.Images.Any(image => image.IsCurrent && image.Serves(device.Architecture)))
        {
            problem = "No kernels for it: this build carries neither machine code nor PTX that it can run, and NVRTC is not installed.";
        }

        return new CudaDeviceReport(
            ordinal, device.Name, device.Uuid, device.Architecture, device.MultiprocessorCount, device.TotalMemory, device.FreeMemory,
            device.L2CacheBytes, device.SharedMemoryPerBlock, device.PeakBandwidth, device.EccEnabled, power, clock, problem);
    }

    private static CudaBuildsReport ProbeBuilds()
    {
        KernelCache cache = new(KernelCache.DefaultFolder);
        (int entries, long bytes) = cache.Measure();
        KernelCompiler? compiler = null;
        string? problem = null;
        try
        {
            compiler = KernelCompiler.TryFind();
        }
        catch (InvalidOperationException failure)
        {
            problem = failure.Message;
        }

        KernelSources sources = KernelSources.Embedded;
        return new CudaBuildsReport(
            ProbeImages(sources), EmbeddedImages.CompressedBytes, sources.Units.Count, sources.Kernels.Count(),
            CudaLibraries.LoadedFrom(CudaLibraries.Nvrtc), compiler?.Version.ToString(2), compiler?.Architectures ?? [], problem,
            cache.Folder, entries, bytes, cache.IsWritable());
    }
    private static List<KernelImagesReport> ProbeImages(KernelSources sources)
    {
        List<KernelImagesReport> images = [];
        foreach (string target in EmbeddedImages.Targets)
        {
            try
            {
                KernelImageFile file = EmbeddedImages.Find(target)!;
                images.Add(new KernelImagesReport(target, file.Compiler, file.IsCurrent(sources)));
            }
            catch (InvalidDataException)
            {
                images.Add(new KernelImagesReport(target, "damaged", IsCurrent: false));
            }
        }

        return images;
    }
}
