namespace Rm.Kernels.Tensors;

/// <summary>
/// A stack of tensors with one lifetime: allocations only move a mark, and <see cref="Release"/> gives back everything above a mark.
/// Memory that was obtained once is kept for the next micro-batch. Contents of a fresh tensor are undefined.
/// </summary>
public abstract class TensorArena : IDisposable
{
    /// <summary>Alignment of every tensor in bytes: a cache line, and what vector and bulk copies ask for.</summary>
    public const int Alignment = 256;

    /// <summary>The present mark, to hand to <see cref="Release"/> later.</summary>
    public abstract long Mark { get; }

    /// <summary>Most bytes that were in use at once.</summary>
    public abstract long PeakBytes { get; }

    /// <summary>A contiguous tensor with undefined contents, valid until a release below it.</summary>
    public abstract Tensor Allocate(DType dtype, Shape shape);

    /// <summary>Gives back every tensor allocated since <paramref name="mark"/> was read.</summary>
    public abstract void Release(long mark);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the memory.</summary>
    protected abstract void Dispose(bool disposing);
}
