using System.Runtime.InteropServices;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>
/// A driver without a device: every call succeeds, launches and copies do nothing, and memory is counted instead of given. What it gives
/// out as device memory are addresses that nothing ever reads; pinned host memory is real, since the caller writes to it.
/// </summary>
internal sealed unsafe class DryRunDriver(CudaArchitecture architecture) : ICudaDriver
{
    // cuMemAlloc's own alignment, so that checks of alignment come out as on a GPU.
    private const long Alignment = 512;

    private readonly Dictionary<nint, long> _device = [];
    private readonly Dictionary<nint, long> _pinned = [];
    private long _next = 1L << 32;
    private nint _context;

    public string BindingName => "dry run";

    /// <summary>Bytes of device memory asked for and not given back.</summary>
    public long AllocatedBytes { get; private set; }

    /// <summary>Most of <see cref="AllocatedBytes"/>.</summary>
    public long PeakAllocatedBytes { get; private set; }

    /// <summary>Bytes of pinned host memory.</summary>
    public long PinnedBytes { get; private set; }

    public CudaResult Init() => CudaResult.Success;

    public CudaResult DriverGetVersion(int* version) => Give(version, CudaDriver.MinimumVersion);

    public CudaResult GetErrorName(CudaResult error, byte** text) => CudaResult.InvalidValue;

    public CudaResult GetErrorString(CudaResult error, byte** text) => CudaResult.InvalidValue;

    public CudaResult DeviceGetCount(int* count) => Give(count, 1);

    public CudaResult DeviceGet(int* device, int ordinal) => Give(device, ordinal);

    public CudaResult DeviceGetName(byte* name, int length, int device)
    {
        new Span<byte>(name, length).Clear();
        "dry run"u8.CopyTo(new Span<byte>(name, length));
        return CudaResult.Success;
    }

    public CudaResult DeviceGetAttribute(int* value, DeviceAttribute attribute, int device) => Give(value, attribute switch
    {
        DeviceAttribute.ComputeCapabilityMajor => architecture.Major,
        DeviceAttribute.ComputeCapabilityMinor => architecture.Minor,
        DeviceAttribute.MultiprocessorCount => 108,
        DeviceAttribute.SharedMemoryPerBlockOptIn => 227 << 10,
        _ => 0,
    });

    public CudaResult DeviceTotalMem(nuint* bytes, int device) => Give(bytes, nuint.MaxValue >> 2);

    public CudaResult DeviceGetUuid(NativeUuid* uuid, int device) => Give(uuid, default);

    public CudaResult PrimaryContextSetFlags(int device, uint flags) => CudaResult.Success;

    public CudaResult PrimaryContextRetain(nint* context, int device) => Give(context, Handle());

    public CudaResult PrimaryContextRelease(int device) => CudaResult.Success;

    public CudaResult ContextSetCurrent(nint context)
    {
        _context = context;
        return CudaResult.Success;
    }

    public CudaResult ContextGetCurrent(nint* context) => Give(context, _context);

    public CudaResult MemGetInfo(nuint* free, nuint* total)
    {
        *total = nuint.MaxValue >> 2;
        return Give(free, *total - (nuint)AllocatedBytes);
    }

    public CudaResult MemAlloc(nint* address, nuint bytes)
    {
        *address = (nint)_next;
        _next += ((long)bytes + (2 * Alignment) - 1) / Alignment * Alignment;
        _device.Add(*address, (long)bytes);
        AllocatedBytes += (long)bytes;
        PeakAllocatedBytes = Math.Max(PeakAllocatedBytes, AllocatedBytes);
        return CudaResult.Success;
    }

    public CudaResult MemFree(nint address)
    {
        if (!_device.Remove(address, out long bytes))
        {
            return CudaResult.InvalidValue;
        }

        AllocatedBytes -= bytes;
        return CudaResult.Success;
    }

    public CudaResult MemHostAlloc(nint* address, nuint bytes)
    {
        // Zeros, since what is copied back to the host never arrives.
        *address = (nint)NativeMemory.AllocZeroed(bytes);
        _pinned.Add(*address, (long)bytes);
        PinnedBytes += (long)bytes;
        return CudaResult.Success;
    }

    public CudaResult MemFreeHost(nint address)
    {
        if (!_pinned.Remove(address, out long bytes))
        {
            return CudaResult.InvalidValue;
        }

        NativeMemory.Free((void*)address);
        PinnedBytes -= bytes;
        return CudaResult.Success;
    }

    public CudaResult MemcpyHtoDAsync(nint destination, void* source, nuint bytes, nint stream) => CudaResult.Success;

    public CudaResult MemcpyDtoHAsync(void* destination, nint source, nuint bytes, nint stream)
    {
        new Span<byte>(destination, checked((int)bytes)).Clear();
        return CudaResult.Success;
    }

    public CudaResult MemcpyDtoDAsync(nint destination, nint source, nuint bytes, nint stream) => CudaResult.Success;

    public CudaResult MemsetD8Async(nint destination, byte value, nuint count, nint stream) => CudaResult.Success;

    public CudaResult MemsetD32Async(nint destination, uint value, nuint count, nint stream) => CudaResult.Success;

    public CudaResult StreamCreate(nint* stream, uint flags, int priority) => Give(stream, Handle());

    public CudaResult StreamDestroy(nint stream) => CudaResult.Success;

    public CudaResult StreamSynchronize(nint stream) => CudaResult.Success;

    public CudaResult StreamWaitEvent(nint stream, nint cudaEvent) => CudaResult.Success;

    public CudaResult EventCreate(nint* cudaEvent, uint flags) => Give(cudaEvent, Handle());

    public CudaResult EventRecord(nint cudaEvent, nint stream) => CudaResult.Success;

    public CudaResult EventSynchronize(nint cudaEvent) => CudaResult.Success;

    public CudaResult EventElapsedTime(float* milliseconds, nint start, nint end) => Give(milliseconds, 0f);

    public CudaResult EventDestroy(nint cudaEvent) => CudaResult.Success;

    public CudaResult ModuleLoadData(nint* module, byte* image, int length) => Give(module, Handle());

    public CudaResult ModuleUnload(nint module) => CudaResult.Success;

    public CudaResult ModuleGetFunction(nint* function, nint module, byte* name) => Give(function, Handle());

    public CudaResult FunctionGetAttribute(int* value, FunctionAttribute attribute, nint function) => Give(value, 0);

    public CudaResult FunctionSetAttribute(nint function, FunctionAttribute attribute, int value) => CudaResult.Success;

    public CudaResult LaunchKernel(nint function, Dim3 grid, Dim3 block, uint sharedBytes, nint stream, void** parameters, int count) =>
        CudaResult.Success;

    public CudaResult LaunchKernelEx(NativeLaunchConfig* config, nint function, void** parameters, int count) => CudaResult.Success;

    public CudaResult TensorMapEncodeTiled(NativeTensorMap* map, in TensorMapLayout layout) => Give(map, default);

    public CudaResult ProfilerStart() => CudaResult.Success;

    public CudaResult ProfilerStop() => CudaResult.Success;

    private nint Handle() => (nint)(_next += Alignment);

    private static CudaResult Give<T>(T* place, T value)
        where T : unmanaged
    {
        *place = value;
        return CudaResult.Success;
    }
}
