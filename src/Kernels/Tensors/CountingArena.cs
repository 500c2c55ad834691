namespace Rm.Kernels.Tensors;

/// <summary>An arena without memory: it gives out addresses, in one block without end, and counts. For dry runs.</summary>
internal sealed class CountingArena : TensorArena
{
    private readonly Nowhere _block = new();
    private long _used;
    private long _peak;

    /// <inheritdoc/>
    public override long Mark => _used;

    /// <inheritdoc/>
    public override long UsedBytes => _used;

    /// <inheritdoc/>
    public override long PeakBytes => _peak;

    /// <inheritdoc/>
    public override Tensor Allocate(DType dtype, Shape shape)
    {
        Tensor tensor = new(_block, _used, dtype, shape);
        _used += Occupied(checked(shape.Count * dtype.Size()));
        _peak = Math.Max(_peak, _used);
        return tensor;
    }

    /// <inheritdoc/>
    public override void Release(long mark)
    {
        if (mark < 0 || mark > _used)
        {
            throw new ArgumentOutOfRangeException(nameof(mark), "The mark is not below the arena's present one.");
        }

        _used = mark;
    }

    /// <inheritdoc/>
    public override void Reserve(long bytes)
    {
    }

    /// <inheritdoc/>
    public override void Trim()
    {
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
    }

    // Larger than any device, and at an address that no kernel will ever read: aligned, as launchers check.
    private sealed class Nowhere() : TensorStorage(1L << 60)
    {
        internal override nint Address => 1 << 20;

        protected override void Dispose(bool disposing)
        {
        }
    }
}
