using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Cuda;

/// <summary>The state of a GPU at one moment; null for what the card or its driver does not tell.</summary>
/// <param name="Utilization">Percent of the last sampling period (a sixth of a second to a second) in which a kernel ran.</param>
/// <param name="MemoryUtilization">Percent of it in which device memory was read or written.</param>
/// <param name="MemoryUsed">Bytes in use on the card, by all processes.</param>
/// <param name="Power">Watts.</param>
/// <param name="Temperature">Degrees Celsius.</param>
/// <param name="SmClock">MHz of the multiprocessors.</param>
/// <param name="MemoryClock">MHz of the memory.</param>
public sealed record GpuReading(
    double? Utilization, double? MemoryUtilization, long? MemoryUsed, double? Power, double? Temperature, double? SmClock,
    double? MemoryClock);

/// <summary>
/// Reads the state of the GPU that a backend works on, through NVML. Any thread may read; reading disturbs no work on the device.
/// </summary>
public sealed class GpuMonitor : IDisposable
{
    private readonly Nvml _nvml;
    private readonly nint _device;

    private GpuMonitor(Nvml nvml, nint device)
    {
        _nvml = nvml;
        _device = device;
    }

    /// <summary>A monitor of <paramref name="backend"/>'s device, or null and why there is none.</summary>
    public static GpuMonitor? TryOpen(CudaBackend backend, out string? problem)
    {
        ArgumentNullException.ThrowIfNull(backend);
        Nvml nvml = new();
        nint device = nvml.Find(backend.Session.Device.Uuid);
        problem = device != 0 ? null
            : nvml.IsReady ? "NVML does not know this device"
            : $"NVML ({string.Join(", ", CudaLibraries.Candidates(CudaLibraries.Nvml))}) could not be used";
        if (device == 0)
        {
            nvml.Dispose();
            return null;
        }

        return new GpuMonitor(nvml, device);
    }

    /// <summary>The state now.</summary>
    public GpuReading Read() => Nvml.Measure(_device);

    /// <inheritdoc/>
    public void Dispose() => _nvml.Dispose();
}
