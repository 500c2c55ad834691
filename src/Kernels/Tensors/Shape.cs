namespace Rm.Kernels.Tensors;

/// <summary>
/// Extent of a tensor, a vector <c>[N]</c> (<see cref="Rows"/> = 1) or a row-major matrix <c>[Rows, Columns]</c>.
/// Activations are <c>[T, C]</c>; nothing in the model needs more than two dimensions.
/// </summary>
/// <param name="Rows">Number of rows; 1 for a vector.</param>
/// <param name="Columns">Elements of a row.</param>
public readonly record struct Shape(int Rows, int Columns)
{
    /// <summary>A vector of <paramref name="length"/> elements.</summary>
    public Shape(int length) : this(1, length)
    {
    }

    /// <summary>Number of elements.</summary>
    public long Count => (long)Rows * Columns;

    /// <inheritdoc/>
    public override string ToString() => Rows == 1 ? $"[{Columns}]" : $"[{Rows}, {Columns}]";
}
