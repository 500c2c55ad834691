using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>A block of device memory; contents are undefined at first.</summary>
internal sealed class CudaStorage : TensorStorage
{
    private readonly DeviceMemoryHandle _memory;

    /// <summary>Allocates <paramref name="byteLength"/> bytes on <paramref name="device"/>.</summary>
    /// <exception cref="CudaException">Out of memory: the message has the sizes.</exception>
    public CudaStorage(CudaDevice device, long byteLength)
        : base(byteLength)
    {
        Device = device;

        // The driver refuses empty allocations, and an empty tensor still needs an owner.
        _memory = DeviceMemoryHandle.Allocate(device.Context, Math.Max(1, byteLength));
        device.Track(byteLength);
    }

    public CudaDevice Device { get; }

    internal override nint Address => _memory.Value;

    protected override void Dispose(bool disposing)
    {
        if (!_memory.IsClosed)
        {
            _memory.Dispose();
            Device.Track(-ByteLength);
        }
    }
}
