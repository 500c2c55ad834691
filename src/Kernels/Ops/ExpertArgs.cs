using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>Y[t] = (sum over j, in order, of Weights[t, j] * X[Slots[t k + j]]) (+ Residual[t]), rounded once.</summary>
/// <param name="X"><c>[T k, C]</c> of the activation type: rows by expert.</param>
/// <param name="Slots">Each token's rows in X; every row occurs once.</param>
/// <param name="Weights"><c>[T, k]</c>, float32, contiguous; null: all are 1.</param>
/// <param name="Residual"><c>[T, C]</c>, or null; may alias Y.</param>
/// <param name="Y"><c>[T, C]</c>, =.</param>
public sealed record ExpertSumForwardArgs(Tensor X, int[] Slots, Tensor? Weights, Tensor? Residual, Tensor Y);

/// <summary>DX[Slots[t k + j]] = Weights[t, j] * DY[t].</summary>
/// <param name="DY"><c>[T, C]</c> of the activation type.</param>
/// <param name="Slots">As in forward.</param>
/// <param name="Weights"><c>[T, k]</c>, float32, contiguous.</param>
/// <param name="DX"><c>[T k, C]</c>, =.</param>
public sealed record ExpertSumBackwardArgs(Tensor DY, int[] Slots, Tensor Weights, Tensor DX);

/// <summary>Dots[t, j] = inner product of row Slots[t k + j] of A and of B.</summary>
/// <param name="A"><c>[T k, F]</c> of the activation type: rows by expert.</param>
/// <param name="B">Likewise.</param>
/// <param name="Slots">Each token's rows; every row occurs once.</param>
/// <param name="Dots"><c>[T, k]</c>, float32, =; contiguous.</param>
public sealed record ExpertDotArgs(Tensor A, Tensor B, int[] Slots, Tensor Dots);
