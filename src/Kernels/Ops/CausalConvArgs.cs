using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>
/// Y[t, n] = silu(sum over j of W[n, j] X[t - K + 1 + j, n]): a causal convolution of each feature by itself along its sequence, zeros
/// before the sequence's start. A token's window reaches back into its parent prefix (<see cref="Segment"/>) and never into a neighbour.
/// </summary>
/// <param name="Layout">Segments.</param>
/// <param name="X"><c>[T, N]</c>; rows may be strided.</param>
/// <param name="W"><c>[N, K]</c>, float32, K from 1 to <see cref="MaxWidth"/>.</param>
/// <param name="Y"><c>[T, N]</c>, =; rows may be strided; may not alias X.</param>
public sealed record CausalConvForwardArgs(PreparedLayout Layout, Tensor X, Tensor W, Tensor Y)
{
    /// <summary>Largest K.</summary>
    public const int MaxWidth = 8;
}

/// <summary>Gradient of <see cref="CausalConvForwardArgs"/>. The last rows of a prefix receive from all its tails, in row order.</summary>
/// <param name="Layout">Segments.</param>
/// <param name="DY"><c>[T, N]</c>; rows may be strided.</param>
/// <param name="X">As in forward.</param>
/// <param name="W">As in forward.</param>
/// <param name="DX"><c>[T, N]</c>, =; rows may be strided; may alias neither DY nor X.</param>
/// <param name="DW"><c>[N, K]</c>, float32, +=; null when W is frozen.</param>
public sealed record CausalConvBackwardArgs(PreparedLayout Layout, Tensor DY, Tensor X, Tensor W, Tensor DX, Tensor? DW);
