namespace Rm.Kernels.Tensors;

/// <summary>Owner of a block of memory on one device. Tensors are views into it; disposing it frees the block.</summary>
public abstract class TensorStorage : IDisposable
{
    /// <summary>An owner of <paramref name="byteLength"/> bytes.</summary>
    protected TensorStorage(long byteLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteLength);
        ByteLength = byteLength;
    }

    /// <summary>Size of the block in bytes.</summary>
    public long ByteLength { get; }

    /// <summary>Address of the block on its device; only backends read it.</summary>
    internal abstract nint Address { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the block. Called once from <see cref="Dispose()"/>.</summary>
    protected abstract void Dispose(bool disposing);
}
