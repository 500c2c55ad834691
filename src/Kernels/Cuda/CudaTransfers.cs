using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// Copies between host and device in the order of one stream, through two pinned buffers: the driver's own way with pageable memory is
/// slower and waits for the device. Uploads return when the source may be changed; downloads wait for everything queued before.
/// </summary>
internal sealed unsafe class CudaTransfers : IDisposable
{
    private const int BufferBytes = 8 << 20;

    private readonly CudaStream _stream;
    private readonly PinnedMemoryHandle[] _buffers = new PinnedMemoryHandle[2];
    private readonly CudaEvent[] _free = new CudaEvent[2];
    private int _next;

    /// <summary>Transfers in the order of <paramref name="stream"/>.</summary>
    public CudaTransfers(CudaStream stream)
    {
        _stream = stream;
        for (int i = 0; i < _buffers.Length; i++)
        {
            _buffers[i] = PinnedMemoryHandle.Allocate(stream.Device.Context, BufferBytes);
            _free[i] = new CudaEvent(stream.Device);
        }
    }

    /// <summary>Host to device.</summary>
    /// <exception cref="ArgumentException">Sizes differ or the tensor has gaps.</exception>
    public void Upload<T>(ReadOnlySpan<T> source, Tensor destination)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(source);
        CheckSize(bytes.Length, destination);
        nint address = destination.Address;
        while (!bytes.IsEmpty)
        {
            int count = Math.Min(bytes.Length, BufferBytes);
            nint buffer = _buffers[_next].Value;
            _free[_next].Synchronize();
            bytes[..count].CopyTo(new Span<byte>((void*)buffer, count));
            CudaDriver.Check(
                CudaDriver.Api.MemcpyHtoDAsync(address, (void*)buffer, (nuint)count, _stream.Value), "cuMemcpyHtoDAsync");
            _free[_next].Record(_stream);
            _next ^= 1;
            address += count;
            bytes = bytes[count..];
        }
    }

    /// <summary>Device to host, after all work queued on the stream.</summary>
    /// <exception cref="ArgumentException">Sizes differ or the tensor has gaps.</exception>
    /// <exception cref="CudaException">Work queued before failed.</exception>
    public void Download<T>(Tensor source, Span<T> destination)
        where T : unmanaged
    {
        Span<byte> bytes = MemoryMarshal.AsBytes(destination);
        CheckSize(bytes.Length, source);
        nint address = source.Address;
        while (!bytes.IsEmpty)
        {
            int count = Math.Min(bytes.Length, BufferBytes);
            nint buffer = _buffers[_next].Value;
            _stream.Device.Context.Activate();
            CudaDriver.Check(
                CudaDriver.Api.MemcpyDtoHAsync((void*)buffer, address, (nuint)count, _stream.Value), "cuMemcpyDtoHAsync");
            _stream.Synchronize();
            new ReadOnlySpan<byte>((void*)buffer, count).CopyTo(bytes);
            address += count;
            bytes = bytes[count..];
        }
    }

    public void Dispose()
    {
        foreach (PinnedMemoryHandle buffer in _buffers)
        {
            buffer.Dispose();
        }

        foreach (CudaEvent cudaEvent in _free)
        {
            cudaEvent.Dispose();
        }
    }

    private static void CheckSize(long bytes, Tensor tensor)
    {
        if (!tensor.IsContiguous || bytes != tensor.Shape.Count * tensor.DType.Size())
        {
            throw new ArgumentException(
                $"{bytes} bytes do not match a {tensor.DType} tensor {tensor.Shape} with row stride {tensor.RowStride}.", nameof(tensor));
        }
    }
}
