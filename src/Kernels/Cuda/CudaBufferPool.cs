namespace Rm.Kernels.Cuda;

/// <summary>
/// Device memory that is taken and given back every micro-batch. A buffer is kept for the next taker, because freeing memory waits for the
/// whole device; the order of the stream keeps the next taker's work behind the last one's.
/// </summary>
internal sealed class CudaBufferPool : IDisposable
{
    private const long SmallestBytes = 64 << 10;

    private readonly CudaDevice _device;
    private readonly bool _exact;
    private readonly List<CudaStorage> _idle = [];
    private bool _disposed;

    /// <summary>A pool on <paramref name="device"/>.</summary>
    /// <param name="device">Where the memory is.</param>
    /// <param name="exact">
    /// Whether each buffer is an allocation of exactly the size asked for, freed when given back, so that the emulator and
    /// compute-sanitizer see where it ends.
    /// </param>
    public CudaBufferPool(CudaDevice device, bool exact)
    {
        _device = device;
        _exact = exact;
    }

    /// <summary>A buffer of at least <paramref name="bytes"/> bytes with undefined contents.</summary>
    /// <exception cref="Driver.CudaException">Out of device memory.</exception>
    public CudaStorage Rent(long bytes)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        CudaStorage? best = null;
        foreach (CudaStorage storage in _idle)
        {
            if (storage.ByteLength >= bytes && (best is null || storage.ByteLength < best.ByteLength))
            {
                best = storage;
            }
        }

        if (best is not null)
        {
            _idle.Remove(best);
            return best;
        }

        // Powers of two, so that micro-batches of slightly different lengths share buffers.
        long rounded = (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)Math.Max(bytes, SmallestBytes));
        return new CudaStorage(_device, _exact ? bytes : rounded);
    }

    /// <summary>Gives a buffer back; work that is queued may still use it.</summary>
    public void Return(CudaStorage storage)
    {
        if (_exact || _disposed)
        {
            storage.Dispose();
        }
        else
        {
            _idle.Add(storage);
        }
    }

    public void Dispose()
    {
        _disposed = true;
        _idle.ForEach(static storage => storage.Dispose());
        _idle.Clear();
    }
}
