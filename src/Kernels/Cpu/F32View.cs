using Rm.Kernels.Cpu.Gemm;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cpu;

/// <summary>A float32 tensor as pointer and row stride, checked once at the entry of an operation.</summary>
internal readonly unsafe struct F32View
{
    private readonly float* _data;

    private F32View(float* data, int rows, int columns, long stride)
    {
        _data = data;
        Rows = rows;
        Columns = columns;
        Stride = stride;
    }

    public int Rows { get; }

    public int Columns { get; }

    /// <summary>Elements between the starts of two rows.</summary>
    public long Stride { get; }

    public float* Data => _data;

    /// <summary>Start of a row.</summary>
    public float* this[int row] => _data + (row * Stride);

    /// <summary>The matrix as a GEMM operand.</summary>
    public Matrix Matrix => new(new Span<float>(_data, SpanLength), Rows, Columns, (int)Stride);

    private int SpanLength => Rows == 0 || Columns == 0 ? 0 : checked((int)(((Rows - 1) * Stride) + Columns));

    /// <summary>Some columns of all rows.</summary>
    public F32View Slice(int column, int count) => new(_data + column, Rows, count, Stride);

    /// <summary>Some rows.</summary>
    public F32View SliceRows(int row, int count) => new(this[row], count, Columns, Stride);

    /// <summary>A view of memory that no tensor owns.</summary>
    public static F32View Over(float* data, int rows, int columns) => new(data, rows, columns, columns);

    /// <summary>A view of any float32 tensor.</summary>
    /// <exception cref="ArgumentException">The tensor holds something else.</exception>
    public static F32View Of(Tensor tensor, string name)
    {
        if (tensor.Storage is null || tensor.DType != DType.F32)
        {
            throw new ArgumentException(
                $"{name} must be a float32 tensor on the CPU, not {(tensor.Storage is null ? "empty" : tensor.DType)}.", name);
        }

        return new F32View((float*)tensor.Address, tensor.Rows, tensor.Columns, tensor.RowStride);
    }

    /// <summary>A view of a <c>[rows, columns]</c> tensor.</summary>
    /// <exception cref="ArgumentException">Type or shape differ.</exception>
    public static F32View Of(Tensor tensor, int rows, int columns, string name)
    {
        F32View view = Of(tensor, name);
        if (view.Rows != rows || view.Columns != columns)
        {
            throw new ArgumentException($"{name} must have shape {new Shape(rows, columns)}, not {tensor.Shape}.", name);
        }

        return view;
    }

    /// <summary>The elements of a contiguous tensor of <paramref name="count"/> elements, whatever its shape.</summary>
    /// <exception cref="ArgumentException">Type or size differ, or rows have gaps.</exception>
    public static float* Vector(Tensor tensor, long count, string name)
    {
        F32View view = Of(tensor, name);
        if (tensor.Shape.Count != count || !tensor.IsContiguous)
        {
            throw new ArgumentException(
                $"{name} must hold {count} adjacent elements, not {tensor.Shape} with row stride {tensor.RowStride}.", name);
        }

        return view._data;
    }
}
