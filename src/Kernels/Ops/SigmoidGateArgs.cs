using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>Y = X * sigmoid(Gate): the output gate of attention.</summary>
/// <param name="X"><c>[R, C]</c>; rows may be strided.</param>
/// <param name="Gate"><c>[R, C]</c>; rows may be strided.</param>
/// <param name="Y"><c>[R, C]</c>, =; rows may be strided; may alias X.</param>
public sealed record SigmoidGateForwardArgs(Tensor X, Tensor Gate, Tensor Y);

/// <summary>Gradient of <see cref="SigmoidGateForwardArgs"/>.</summary>
/// <param name="DY"><c>[R, C]</c>; rows may be strided.</param>
/// <param name="X">As in forward.</param>
/// <param name="Gate">As in forward.</param>
/// <param name="DX"><c>[R, C]</c>, =; rows may be strided; may alias DY.</param>
/// <param name="DGate"><c>[R, C]</c>, =; rows may be strided; may alias Gate.</param>
public sealed record SigmoidGateBackwardArgs(Tensor DY, Tensor X, Tensor Gate, Tensor DX, Tensor DGate);
