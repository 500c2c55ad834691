namespace Rm.Kernels.Cuda.Driver;

/// <summary>Device memory.</summary>
internal sealed unsafe class DeviceMemoryHandle : CudaResourceHandle
{
    private DeviceMemoryHandle(ContextHandle context, nint value)
        : base(context, value)
    {
    }

    /// <summary>Allocates <paramref name="bytes"/> (at least 1) of device memory; contents are undefined.</summary>
    /// <exception cref="CudaException">Out of memory: the message has the sizes.</exception>
    public static DeviceMemoryHandle Allocate(ContextHandle context, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        context.Activate();
        nint value;
        CudaResult result = CudaDriver.Api.MemAlloc(&value, (nuint)bytes);
        if (result == CudaResult.OutOfMemory)
        {
            nuint free = 0, total = 0;
            _ = CudaDriver.Api.MemGetInfo(&free, &total);
            throw new CudaException("cuMemAlloc", result, $"Asked for {bytes:N0} bytes; {free:N0} of {total:N0} are free.");
        }

        CudaDriver.Check(result, "cuMemAlloc");
        return new DeviceMemoryHandle(context, value);
    }

    protected override CudaResult Free(ICudaDriver api, nint value) => api.MemFree(value);
}

/// <summary>Page-locked host memory, which copies asynchronously and at full speed.</summary>
internal sealed unsafe class PinnedMemoryHandle : CudaResourceHandle
{
    private PinnedMemoryHandle(ContextHandle context, nint value)
        : base(context, value)
    {
    }

    /// <summary>Allocates <paramref name="bytes"/> (at least 1) of pinned memory; contents are undefined.</summary>
    /// <exception cref="CudaException">The system grants no more pinned memory: the message has the size.</exception>
    public static PinnedMemoryHandle Allocate(ContextHandle context, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        context.Activate();
        nint value;
        CudaResult result = CudaDriver.Api.MemHostAlloc(&value, (nuint)bytes);
        if (result != CudaResult.Success)
        {
            throw new CudaException("cuMemHostAlloc", result, $"Asked for {bytes:N0} bytes of page-locked host memory.");
        }

        return new PinnedMemoryHandle(context, value);
    }

    protected override CudaResult Free(ICudaDriver api, nint value) => api.MemFreeHost(value);
}

/// <summary>CUstream.</summary>
internal sealed unsafe class StreamHandle : CudaResourceHandle
{
    private StreamHandle(ContextHandle context, nint value)
        : base(context, value)
    {
    }

    /// <summary>A stream with no implicit order towards any other; a lower <paramref name="priority"/> goes first.</summary>
    public static StreamHandle Create(ContextHandle context, int priority)
    {
        context.Activate();
        nint value;
        CudaDriver.Check(CudaDriver.Api.StreamCreate(&value, CudaFlags.StreamNonBlocking, priority), "cuStreamCreateWithPriority");
        return new StreamHandle(context, value);
    }

    protected override CudaResult Free(ICudaDriver api, nint value) => api.StreamDestroy(value);
}

/// <summary>CUevent.</summary>
internal sealed unsafe class EventHandle : CudaResourceHandle
{
    private EventHandle(ContextHandle context, nint value)
        : base(context, value)
    {
    }

    /// <summary>An event; only one with <paramref name="timing"/> can be asked for times.</summary>
    public static EventHandle Create(ContextHandle context, bool timing)
    {
        context.Activate();
        nint value;
        CudaDriver.Check(
            CudaDriver.Api.EventCreate(&value, timing ? CudaFlags.EventTiming : CudaFlags.EventOrderOnly), "cuEventCreate");
        return new EventHandle(context, value);
    }

    protected override CudaResult Free(ICudaDriver api, nint value) => api.EventDestroy(value);
}

/// <summary>CUmodule: a loaded kernel image.</summary>
internal sealed unsafe class KernelModuleHandle : CudaResourceHandle
{
    private KernelModuleHandle(ContextHandle context, nint value)
        : base(context, value)
    {
    }

    /// <summary>Loads a cubin, fatbin or PTX <paramref name="image"/>.</summary>
    /// <param name="context">Where to load it.</param>
    /// <param name="image">The image; PTX must end with a zero byte.</param>
    /// <param name="description">What the image is, for the message of a failure.</param>
    /// <exception cref="CudaException">The driver refuses the image.</exception>
    public static KernelModuleHandle Load(ContextHandle context, ReadOnlySpan<byte> image, string description)
    {
        context.Activate();
        nint value;
        CudaResult result;
        fixed (byte* pointer = image)
        {
            result = CudaDriver.Api.ModuleLoadData(&value, pointer, image.Length);
        }

        if (result != CudaResult.Success)
        {
            throw new CudaException("cuModuleLoadData", result, $"The image is {description}, {image.Length:N0} bytes.");
        }

        return new KernelModuleHandle(context, value);
    }

    protected override CudaResult Free(ICudaDriver api, nint value) => api.ModuleUnload(value);
}
