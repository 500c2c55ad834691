using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// A short list on the device that operations ask for again and again: the same values as last time cost a comparison instead of an
/// upload. Work queued before sees the values of its own time, since uploads are ordered with it.
/// </summary>
/// <typeparam name="T">int or float.</typeparam>
internal sealed class CudaUploadedList<T>(CudaSession session) : IDisposable
    where T : unmanaged, IEquatable<T>
{
    private static readonly DType Type = typeof(T) == typeof(float) ? DType.F32 : DType.I32;

    private T[]? _values;
    private CudaStorage? _storage;

    /// <summary>The values on the device, <c>[values.Length]</c>, until the next call with others.</summary>
    public Tensor Of(ReadOnlySpan<T> values)
    {
        if (_values is null || !values.SequenceEqual(_values))
        {
            long bytes = (long)values.Length * Type.Size();
            _values = null;
            if (_storage is null || _storage.ByteLength < bytes)
            {
                session.Stream.Synchronize();
                _storage?.Dispose();
                _storage = null;
                _storage = new CudaStorage(session.Device, bytes);
            }

            session.Transfers.Upload(values, new Tensor(_storage, 0, Type, new Shape(values.Length)));
            _values = values.ToArray();
        }

        return new Tensor(_storage!, 0, Type, new Shape(values.Length));
    }

    public void Dispose() => _storage?.Dispose();
}
