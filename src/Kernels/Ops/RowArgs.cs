using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>Y[i] = X[Rows[i]].</summary>
/// <param name="X"><c>[T, C]</c>; rows may be strided.</param>
/// <param name="Rows">Rows of X to take.</param>
/// <param name="Y"><c>[Rows.Length, C]</c>, =.</param>
public sealed record GatherRowsArgs(Tensor X, int[] Rows, Tensor Y);

/// <summary>Y[Rows[i]] += X[i]; no row occurs twice.</summary>
/// <param name="X"><c>[Rows.Length, C]</c>.</param>
/// <param name="Rows">Rows of Y to add to.</param>
/// <param name="Y"><c>[T, C]</c>, +=; rows may be strided.</param>
public sealed record ScatterAddRowsArgs(Tensor X, int[] Rows, Tensor Y);
