using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>Y = Scale * X * ColumnScale (+ Bias) (+ Z), in that order, rounded once.</summary>
/// <param name="X"><c>[T, C]</c>, float32 or the activation type; rows may be strided.</param>
/// <param name="Scale">Factor on all of X.</param>
/// <param name="Z">Shape and type of X, or null; rows may be strided; may alias Y.</param>
/// <param name="Y">Shape and type of X, =; rows may be strided; may alias X.</param>
public sealed record ScaleAddArgs(Tensor X, float Scale, Tensor? Z, Tensor Y)
{
    /// <summary><c>[C]</c>, float32: a factor on each column, or null.</summary>
    public Tensor? ColumnScale { get; init; }

    /// <summary><c>[C]</c>, float32, or null.</summary>
    public Tensor? Bias { get; init; }
}

/// <summary>Sums[c] += sum over t of A[t, c] * B[t, c], in row order.</summary>
/// <param name="A"><c>[T, C]</c> of the activation type; rows may be strided.</param>
/// <param name="B">Likewise.</param>
/// <param name="Sums"><c>[C]</c>, float32, +=.</param>
public sealed record ColumnDotArgs(Tensor A, Tensor B, Tensor Sums);
