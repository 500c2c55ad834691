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

    /// <summary>Bytes in use now, each tensor's rounded up to <see cref="Alignment"/>.</summary>
    public abstract long UsedBytes { get; }

    /// <summary>Most bytes that were in use at once, counted as in <see cref="UsedBytes"/>.</summary>
    public abstract long PeakBytes { get; }

    /// <summary>A contiguous tensor with undefined contents, valid until a release below it.</summary>
    public abstract Tensor Allocate(DType dtype, Shape shape);

    /// <summary>Gives back every tensor allocated since <paramref name="mark"/> was read.</summary>
    public abstract void Release(long mark);

    /// <summary>
    /// Obtains <paramref name="bytes"/> in one piece while the arena is empty, so that what was planned neither has gaps nor comes piece by
    /// piece. More than that is still given as long as the device has it.
    /// </summary>
    public abstract void Reserve(long bytes);

    /// <summary>Gives back to the device what is not in use.</summary>
    public abstract void Trim();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>
    /// Bytes that a tensor of <paramref name="bytes"/> takes; an empty one takes some too, so that every tensor moves the mark.
    /// </summary>
    protected static long Occupied(long bytes) => (Math.Max(1, bytes) + Alignment - 1) / Alignment * Alignment;

    /// <summary>Frees the memory.</summary>
    protected abstract void Dispose(bool disposing);
}
