using System.Runtime.InteropServices;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>Imports of NVML, the management library that comes with the driver; all return 0 for success.</summary>
internal static unsafe partial class NativeNvml
{
    /// <summary>NVML_CLOCK_SM.</summary>
    public const int ClockSm = 1;

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
}
