using System.Runtime.InteropServices;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>Imports of NVML, the management library that comes with the driver; all return 0 for success.</summary>
internal static unsafe partial class NativeNvml
{
    /// <summary>NVML_CLOCK_SM.</summary>
    public const int ClockSm = 1;

    /// <summary>NVML_CLOCK_MEM.</summary>
    public const int ClockMemory = 2;

    /// <summary>NVML_TEMPERATURE_GPU.</summary>
    public const int TemperatureGpu = 0;

    [LibraryImport(CudaLibraries.Nvml)]
    public static partial int nvmlInit_v2();

    [LibraryImport(CudaLibraries.Nvml)]
    public static partial int nvmlShutdown();

    [LibraryImport(CudaLibraries.Nvml)]
    public static partial int nvmlSystemGetDriverVersion(byte* version, uint length);

    [LibraryImport(CudaLibraries.Nvml)]
    public static partial int nvmlDeviceGetHandleByUUID(byte* uuid, nint* device);

    [LibraryImport(CudaLibraries.Nvml)]
    public static partial int nvmlDeviceGetEnforcedPowerLimit(nint device, uint* milliwatts);

    [LibraryImport(CudaLibraries.Nvml)]
    public static partial int nvmlDeviceGetMaxClockInfo(nint device, int clock, uint* megahertz);

    [LibraryImport(CudaLibraries.Nvml)]
    public static partial int nvmlDeviceGetUtilizationRates(nint device, NativeNvmlUtilization* rates);

    [LibraryImport(CudaLibraries.Nvml)]
    public static partial int nvmlDeviceGetMemoryInfo(nint device, NativeNvmlMemory* memory);

    [LibraryImport(CudaLibraries.Nvml)]
    public static partial int nvmlDeviceGetPowerUsage(nint device, uint* milliwatts);

    [LibraryImport(CudaLibraries.Nvml)]
    public static partial int nvmlDeviceGetTemperature(nint device, int sensor, uint* celsius);

    [LibraryImport(CudaLibraries.Nvml)]
    public static partial int nvmlDeviceGetClockInfo(nint device, int clock, uint* megahertz);
}

/// <summary>
/// nvmlUtilization_t: percent of the last sampling period in which a kernel ran, and in which memory was read or written.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeNvmlUtilization
{
    public uint Gpu;
    public uint Memory;
}

/// <summary>nvmlMemory_t, in bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeNvmlMemory
{
    public ulong Total;
    public ulong Free;
    public ulong Used;
}
