namespace Rm.Kernels.Cuda.Driver;

/// <summary>CUdevice_attribute, the ones that launchers and reports read.</summary>
internal enum DeviceAttribute
{
    MultiprocessorCount = 16,
    EccEnabled = 32,
    MemoryClockKilohertz = 36,
    MemoryBusWidthBits = 37,
    L2CacheBytes = 38,
    ComputeCapabilityMajor = 75,
    ComputeCapabilityMinor = 76,
    SharedMemoryPerBlockOptIn = 97,
}
