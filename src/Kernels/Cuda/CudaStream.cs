using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Cuda;

/// <summary>A queue of device work that runs in the order of the calls. Streams are ordered among each other only by events.</summary>
internal sealed unsafe class CudaStream : IDisposable
{
    private readonly StreamHandle _handle;

    /// <summary>A stream on <paramref name="device"/>; a lower <paramref name="priority"/> goes first.</summary>
    public CudaStream(CudaDevice device, int priority = 0)
    {
        Device = device;
        _handle = StreamHandle.Create(device.Context, priority);
    }

    public CudaDevice Device { get; }

    /// <summary>CUstream, for the calls of this folder.</summary>
    public nint Value => _handle.Value;

    /// <summary>Waits until everything queued is done.</summary>
    /// <exception cref="CudaException">Queued work failed.</exception>
    public void Synchronize()
    {
        Device.Context.Activate();
        CudaDriver.Check(CudaDriver.Api.StreamSynchronize(Value), "cuStreamSynchronize");
    }

    /// <summary>What is queued from here on starts after <paramref name="cudaEvent"/>'s last record.</summary>
    public void Wait(CudaEvent cudaEvent)
    {
        Device.Context.Activate();
        CudaDriver.Check(CudaDriver.Api.StreamWaitEvent(Value, cudaEvent.Value), "cuStreamWaitEvent");
    }

    /// <summary>Sets <paramref name="bytes"/> bytes from <paramref name="address"/> on to zero.</summary>
    public void Zero(nint address, long bytes)
    {
        if (bytes != 0)
        {
            Device.Context.Activate();
            CudaDriver.Check(CudaDriver.Api.MemsetD8Async(address, 0, (nuint)bytes, Value), "cuMemsetD8Async");
        }
    }

    /// <summary>Sets <paramref name="count"/> 32-bit words from <paramref name="address"/> on.</summary>
    public void Fill(nint address, uint word, long count)
    {
        if (count != 0)
        {
            Device.Context.Activate();
            CudaDriver.Check(CudaDriver.Api.MemsetD32Async(address, word, (nuint)count, Value), "cuMemsetD32Async");
        }
    }

    /// <summary>Copies within the device; the ranges may not overlap.</summary>
    public void Copy(nint destination, nint source, long bytes)
    {
        if (bytes != 0)
        {
            Device.Context.Activate();
            CudaDriver.Check(CudaDriver.Api.MemcpyDtoDAsync(destination, source, (nuint)bytes, Value), "cuMemcpyDtoDAsync");
        }
    }

    public void Dispose() => _handle.Dispose();
}
