using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Cuda;

/// <summary>One GPU, opened: its properties and its context, from which everything else on it is made.</summary>
internal sealed unsafe class CudaDevice : IDisposable
{
    private readonly int _device;
    private long _allocated;

    private CudaDevice(int ordinal, int device)
    {
        Ordinal = ordinal;
        _device = device;
        Name = ReadName(device);
        Architecture = new CudaArchitecture(
            Attribute(DeviceAttribute.ComputeCapabilityMajor), Attribute(DeviceAttribute.ComputeCapabilityMinor));
        MultiprocessorCount = Attribute(DeviceAttribute.MultiprocessorCount);
        SharedMemoryPerBlock = Attribute(DeviceAttribute.SharedMemoryPerBlockOptIn);
        L2CacheBytes = Attribute(DeviceAttribute.L2CacheBytes);
        nuint bytes;
        CudaDriver.Check(CudaDriver.Api.DeviceTotalMem(&bytes, device), "cuDeviceTotalMem");
        TotalMemory = (long)bytes;
        Context = ContextHandle.Retain(device);
    }

    /// <summary>Number of visible devices.</summary>
    /// <exception cref="CudaException">There is no usable driver.</exception>
    public static int Count
    {
        get
        {
            CudaDriver.Initialize();
            int count;
            CudaDriver.Check(CudaDriver.Api.DeviceGetCount(&count), "cuDeviceGetCount");
            return count;
        }
    }

    /// <summary>Position among the visible devices, as in <c>cuda:N</c>.</summary>
    public int Ordinal { get; }

    /// <summary>Marketing name.</summary>
    public string Name { get; }

    public CudaArchitecture Architecture { get; }

    public int MultiprocessorCount { get; }

    /// <summary>Most shared memory one block may ask for, in bytes.</summary>
    public int SharedMemoryPerBlock { get; }

    public int L2CacheBytes { get; }

    /// <summary>Device memory in bytes.</summary>
    public long TotalMemory { get; }

    /// <summary>Device memory that is free now, in bytes.</summary>
    public long FreeMemory
    {
        get
        {
            Context.Activate();
            nuint free, total;
            CudaDriver.Check(CudaDriver.Api.MemGetInfo(&free, &total), "cuMemGetInfo");
            return (long)free;
        }
    }

    /// <summary>Bytes a second that the memory bus can move, from clock and width; 0 where the driver does not say.</summary>
    public double PeakBandwidth =>
        2.0 * Attribute(DeviceAttribute.MemoryClockKilohertz) * 1e3 * Attribute(DeviceAttribute.MemoryBusWidthBits) / 8;

    public bool EccEnabled => Attribute(DeviceAttribute.EccEnabled) != 0;

    /// <summary>"GPU-" and 32 hexadecimal digits in groups: what nvidia-smi prints and CUDA_VISIBLE_DEVICES takes.</summary>
    public string Uuid
    {
        get
        {
            NativeUuid uuid;
            CudaDriver.Check(CudaDriver.Api.DeviceGetUuid(&uuid, _device), "cuDeviceGetUuid");
            return "GPU-" + new Guid(new ReadOnlySpan<byte>(uuid.Bytes, 16), bigEndian: true).ToString("D");
        }
    }

    /// <summary>The retained primary context.</summary>
    public ContextHandle Context { get; }

    /// <summary>Opens device <paramref name="ordinal"/> and makes it current on this thread.</summary>
    /// <exception cref="CudaException">There is no usable driver or no such device.</exception>
    public static CudaDevice Open(int ordinal)
    {
        CudaDriver.Initialize();
        int device;
        CudaDriver.Check(CudaDriver.Api.DeviceGet(&device, ordinal), "cuDeviceGet");
        return new CudaDevice(ordinal, device);
    }

    /// <summary>Most bytes of device memory that storages of this device held at once.</summary>
    public long PeakAllocatedBytes { get; private set; }

    /// <summary>Counts memory that a storage took, or with a negative size, gave back.</summary>
    public void Track(long bytes)
    {
        _allocated += bytes;
        PeakAllocatedBytes = Math.Max(PeakAllocatedBytes, _allocated);
    }

    /// <summary>Begins the range that a profiler records when it was told to wait for one (nsys --capture-range=cudaProfilerApi).</summary>
    public void StartProfiler()
    {
        Context.Activate();
        CudaDriver.Check(CudaDriver.Api.ProfilerStart(), "cuProfilerStart");
    }

    /// <summary>Ends the range that <see cref="StartProfiler"/> began.</summary>
    public void StopProfiler()
    {
        Context.Activate();
        CudaDriver.Check(CudaDriver.Api.ProfilerStop(), "cuProfilerStop");
    }

    public void Dispose() => Context.Dispose();

    /// <inheritdoc/>
    public override string ToString() => $"cuda:{Ordinal}, {Name}, {Architecture}";

    private static string ReadName(int device)
    {
        const int Length = 256;
        byte* name = stackalloc byte[Length];
        CudaDriver.Check(CudaDriver.Api.DeviceGetName(name, Length, device), "cuDeviceGetName");
        return Marshal.PtrToStringUTF8((nint)name) ?? "";
    }

    private int Attribute(DeviceAttribute attribute)
    {
        int value;
        CudaDriver.Check(CudaDriver.Api.DeviceGetAttribute(&value, attribute, _device), "cuDeviceGetAttribute");
        return value;
    }
}
