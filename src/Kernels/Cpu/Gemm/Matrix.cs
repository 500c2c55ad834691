namespace Rm.Kernels.Cpu.Gemm;

/// <summary>A writable row-major float32 matrix [rows, columns] over a span; rows may lie further apart than they are long.</summary>
public readonly ref struct Matrix
{
    /// <summary>Describes a matrix.</summary>
    /// <param name="values">Memory from the first element on.</param>
    /// <param name="rows">Rows, may be 0.</param>
    /// <param name="columns">Columns, may be 0.</param>
    /// <param name="stride">Elements between the starts of rows; 0 for <paramref name="columns"/>.</param>
    /// <exception cref="ArgumentException">A size is negative, the stride is shorter than a row, or the span is too short.</exception>
    public Matrix(Span<float> values, int rows, int columns, int stride = 0)
    {
        Stride = ReadOnlyMatrix.CheckedStride(values.Length, rows, columns, stride);
        Values = values;
        Rows = rows;
        Columns = columns;
    }

    /// <summary>Memory from the first element on.</summary>
    public Span<float> Values { get; }

    /// <summary>Rows.</summary>
    public int Rows { get; }

    /// <summary>Columns.</summary>
    public int Columns { get; }

    /// <summary>Elements between the starts of rows.</summary>
    public int Stride { get; }
}

/// <summary>
/// A read-only row-major float32 matrix [rows, columns] over a span, see <see cref="Matrix"/>. Its default value is empty.
/// </summary>
public readonly ref struct ReadOnlyMatrix
{
    /// <inheritdoc cref="Matrix(Span{float}, int, int, int)"/>
    public ReadOnlyMatrix(ReadOnlySpan<float> values, int rows, int columns, int stride = 0)
    {
        Stride = CheckedStride(values.Length, rows, columns, stride);
        Values = values;
        Rows = rows;
        Columns = columns;
    }

    /// <inheritdoc cref="Matrix.Values"/>
    public ReadOnlySpan<float> Values { get; }

    /// <inheritdoc cref="Matrix.Rows"/>
    public int Rows { get; }

    /// <inheritdoc cref="Matrix.Columns"/>
    public int Columns { get; }

    /// <inheritdoc cref="Matrix.Stride"/>
    public int Stride { get; }

    /// <summary>Whether there is no element.</summary>
    public bool IsEmpty => Rows == 0 || Columns == 0;

    /// <summary>Reads a writable matrix.</summary>
    public static implicit operator ReadOnlyMatrix(Matrix matrix) => ToReadOnlyMatrix(matrix);

    /// <summary>Reads a writable matrix.</summary>
    public static ReadOnlyMatrix ToReadOnlyMatrix(Matrix matrix) => new(matrix.Values, matrix.Rows, matrix.Columns, matrix.Stride);

    internal static int CheckedStride(int length, int rows, int columns, int stride)
    {
        if (rows < 0 || columns < 0 || stride < 0)
        {
            throw new ArgumentException($"A matrix cannot be [{rows}, {columns}] with stride {stride}: sizes are not negative.");
        }

        if (stride == 0)
        {
            stride = columns;
        }

        long needed = rows == 0 || columns == 0 ? 0 : ((rows - 1L) * stride) + columns;
        if (stride < columns || needed > length)
        {
            throw new ArgumentException(
                $"A matrix [{rows}, {columns}] with stride {stride} needs {needed} elements and rows that do not overlap; the span has "
                    + $"{length}.");
        }

        return stride;
    }
}
