using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>The keys of a micro-batch's tokens on the device, from which dropout masks are drawn.</summary>
internal sealed class CudaTokenKeys(CudaSession session) : IDisposable
{
    private SequenceLayout? _layout;
    private CudaStorage? _all;
    private CudaStorage? _some;

    /// <summary>Address of the keys of <paramref name="rows"/> rows of x, <c>[rows]</c>, valid until the next call with rows of its own.</summary>
    /// <param name="layout">The micro-batch. Its keys are uploaded once.</param>
    /// <param name="tokenRows">The token of each row, or null for all tokens.</param>
    /// <param name="rows">Rows of x.</param>
    /// <exception cref="ArgumentException">The rows are not those of tokens.</exception>
    public nint For(SequenceLayout layout, int[]? tokenRows, int rows)
    {
        uint[] keys = layout.TokenKeys;
        if (rows > (tokenRows?.Length ?? keys.Length) || (tokenRows is not null && tokenRows.AsSpan().ContainsAnyExceptInRange(0, keys.Length - 1)))
        {
            throw new ArgumentException("Dropout needs the token of each row of X: all tokens, or TokenRows.", nameof(tokenRows));
        }

        if (tokenRows is not null)
        {
            return Upload(ref _some, Array.ConvertAll(tokenRows, row => keys[row]));
        }

        if (!ReferenceEquals(layout, _layout))
        {
            _layout = null;
            Upload(ref _all, keys);
            _layout = layout;
        }

        return _all!.Address;
    }

    public void Dispose()
    {
        _all?.Dispose();
        _some?.Dispose();
    }

    private nint Upload(ref CudaStorage? storage, uint[] keys)
    {
        long bytes = (long)keys.Length * sizeof(uint);
        if (storage is null || storage.ByteLength < bytes)
        {
            // Work that was queued may still read the old ones.
            session.Stream.Synchronize();
            storage?.Dispose();
            storage = null;
            storage = new CudaStorage(session.Device, bytes);
        }

        session.Transfers.Upload<uint>(keys, new Tensor(storage, 0, DType.I32, new Shape(keys.Length)));
        return storage.Address;
    }
}
