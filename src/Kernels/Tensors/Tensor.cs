namespace Rm.Kernels.Tensors;

/// <summary>
/// A view of device memory: owner, offset, element type, shape and distance between rows. Copying it copies no data.
/// Rows may be further apart than a row is long (a column range of a wider matrix); elements of a row are adjacent.
/// </summary>
public readonly struct Tensor
{
    /// <summary>
    /// A view of <paramref name="shape"/> that starts <paramref name="byteOffset"/> bytes into <paramref name="storage"/>.
    /// </summary>
    /// <param name="storage">Owner of the memory.</param>
    /// <param name="byteOffset">Offset of the first element in bytes.</param>
    /// <param name="dtype">Element type.</param>
    /// <param name="shape">Extent.</param>
    /// <param name="rowStride">Elements between the starts of two rows; 0 means rows are adjacent.</param>
    /// <exception cref="ArgumentException">The view reaches beyond the storage.</exception>
    public Tensor(TensorStorage storage, long byteOffset, DType dtype, Shape shape, int rowStride = 0)
    {
        ArgumentNullException.ThrowIfNull(storage);
        ArgumentOutOfRangeException.ThrowIfNegative(shape.Rows);
        ArgumentOutOfRangeException.ThrowIfNegative(shape.Columns);
        int stride = rowStride == 0 ? shape.Columns : rowStride;
        ArgumentOutOfRangeException.ThrowIfLessThan(stride, shape.Columns);
        long elements = shape.Count == 0 ? 0 : ((long)(shape.Rows - 1) * stride) + shape.Columns;
        if (byteOffset < 0 || byteOffset + (elements * dtype.Size()) > storage.ByteLength)
        {
            throw new ArgumentException($"A {dtype} view {shape} at byte {byteOffset} does not fit in {storage.ByteLength} bytes.");
        }

        Storage = storage;
        ByteOffset = byteOffset;
        DType = dtype;
        Shape = shape;
        RowStride = stride;
    }

    /// <summary>Owner of the memory.</summary>
    public TensorStorage Storage { get; }

    /// <summary>Offset of the first element in bytes.</summary>
    public long ByteOffset { get; }

    /// <summary>Element type.</summary>
    public DType DType { get; }

    /// <summary>Extent.</summary>
    public Shape Shape { get; }

    /// <summary>Elements between the starts of two rows.</summary>
    public int RowStride { get; }

    /// <summary>Number of rows.</summary>
    public int Rows => Shape.Rows;

    /// <summary>Elements of a row.</summary>
    public int Columns => Shape.Columns;

    /// <summary>Whether rows follow each other without gaps.</summary>
    public bool IsContiguous => RowStride == Columns || Rows <= 1;

    /// <summary>Address of the first element on its device; only backends read it.</summary>
    internal nint Address => Storage.Address + (nint)ByteOffset;

    /// <summary>The columns from <paramref name="start"/> on, <paramref name="count"/> of them, of every row.</summary>
    public Tensor SliceColumns(int start, int count)
    {
        CheckRange(start, count, Columns);
        return new Tensor(Storage, ByteOffset + ((long)start * DType.Size()), DType, new Shape(Rows, count), RowStride);
    }

    /// <summary>The rows from <paramref name="start"/> on, <paramref name="count"/> of them.</summary>
    public Tensor SliceRows(int start, int count)
    {
        CheckRange(start, count, Rows);
        return new Tensor(Storage, ByteOffset + ((long)start * RowStride * DType.Size()), DType, new Shape(count, Columns), RowStride);
    }

    /// <summary>The same elements under another shape; the view must be contiguous.</summary>
    public Tensor Reshape(Shape shape)
    {
        if (!IsContiguous || shape.Count != Shape.Count)
        {
            throw new ArgumentException($"{Shape} with row stride {RowStride} cannot be viewed as {shape}.", nameof(shape));
        }

        return new Tensor(Storage, ByteOffset, DType, shape);
    }

    private static void CheckRange(int start, int count, int length)
    {
        if (start < 0 || count < 0 || start > length - count)
        {
            throw new ArgumentOutOfRangeException(nameof(start), $"Range {start}..{start + (long)count} is outside 0..{length}.");
        }
    }
}
