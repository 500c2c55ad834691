using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Cuda;

/// <summary>A point in a stream.</summary>
internal sealed unsafe class CudaEvent : IDisposable
{
    private readonly CudaDevice _device;
    private readonly EventHandle _handle;

    /// <summary>An event; only one with <paramref name="timing"/> can be asked for times.</summary>
    public CudaEvent(CudaDevice device, bool timing = false)
    {
        _device = device;
        _handle = EventHandle.Create(device.Context, timing);
    }

    /// <summary>CUevent, for the calls of this folder.</summary>
    public nint Value => _handle.Value;

    /// <summary>Puts the event behind everything queued on <paramref name="stream"/>.</summary>
    public void Record(CudaStream stream)
    {
        _device.Context.Activate();
        CudaDriver.Check(CudaDriver.Api.EventRecord(Value, stream.Value), "cuEventRecord");
    }

    /// <summary>Waits until the stream has reached the last record; returns at once when there was none.</summary>
    public void Synchronize()
    {
        _device.Context.Activate();
        CudaDriver.Check(CudaDriver.Api.EventSynchronize(Value), "cuEventSynchronize");
    }

    /// <summary>Device time between two reached timing events, in seconds; resolution about half a microsecond.</summary>
    public static double Seconds(CudaEvent start, CudaEvent end)
    {
        start._device.Context.Activate();
        float milliseconds;
        CudaDriver.Check(CudaDriver.Api.EventElapsedTime(&milliseconds, start.Value, end.Value), "cuEventElapsedTime");
        return milliseconds * 1e-3;
    }

    public void Dispose() => _handle.Dispose();
}
