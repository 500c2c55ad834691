using System.Numerics;

namespace Rm.Kernels.Tests.References;

/// <summary>
/// A matrix for the obvious loops of the references, in double (the truth) or float (what the same loops lose in float32).
/// </summary>
internal sealed class RealMatrix<T>(int rows, int columns)
    where T : IBinaryFloatingPointIeee754<T>
{
    private readonly T[] _values = new T[rows * columns];

    public int Rows => rows;

    public int Columns => columns;

    public ref T this[int row, int column] => ref _values[(row * columns) + column];

    public Span<T> Values => _values;

    public RealMatrix<TOther> To<TOther>()
        where TOther : IBinaryFloatingPointIeee754<TOther>
    {
        var result = new RealMatrix<TOther>(rows, columns);
        for (int i = 0; i < _values.Length; i++)
        {
            result._values[i] = TOther.CreateTruncating(_values[i]);
        }

        return result;
    }

    public RealMatrix<T> Map(Func<int, int, T, T> function)
    {
        var result = new RealMatrix<T>(rows, columns);
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                result[i, j] = function(i, j, this[i, j]);
            }
        }

        return result;
    }

    public RealMatrix<T> Copy() => Map((_, _, value) => value);

    public RealMatrix<T> Plus(RealMatrix<T> other) => Map((i, j, value) => value + other[i, j]);

    public RealMatrix<T> TakeColumns(int start, int count)
    {
        var result = new RealMatrix<T>(rows, count);
        for (int i = 0; i < rows; i++)
        {
            for (int j = 0; j < count; j++)
            {
                result[i, j] = this[i, start + j];
            }
        }

        return result;
    }

    public RealMatrix<T> TakeRows(int[] indices)
    {
        var result = new RealMatrix<T>(indices.Length, columns);
        for (int i = 0; i < indices.Length; i++)
        {
            for (int j = 0; j < columns; j++)
            {
                result[i, j] = this[indices[i], j];
            }
        }

        return result;
    }

    /// <summary>The same elements in row order under another shape.</summary>
    public RealMatrix<T> Reshape(int newRows, int newColumns)
    {
        var result = new RealMatrix<T>(newRows, newColumns);
        _values.AsSpan().CopyTo(result._values);
        return result;
    }
}
