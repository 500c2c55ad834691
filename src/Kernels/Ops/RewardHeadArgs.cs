using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>Rewards[i] = dot(X[i], W), in float32.</summary>
/// <param name="X"><c>[S, C]</c>: final norm of the reward rows.</param>
/// <param name="W"><c>[C]</c>, float32.</param>
/// <param name="Rewards"><c>[S]</c>, float32, =.</param>
public sealed record RewardHeadForwardArgs(Tensor X, Tensor W, Tensor Rewards);

/// <summary>DX[i] = DRewards[i] * W; DW += sum of DRewards[i] * X[i] in row order.</summary>
/// <param name="DRewards"><c>[S]</c>, float32.</param>
/// <param name="X"><c>[S, C]</c>, as in forward.</param>
/// <param name="W"><c>[C]</c>, float32.</param>
/// <param name="DX"><c>[S, C]</c>, =.</param>
/// <param name="DW"><c>[C]</c>, float32, +=; null when the head is frozen.</param>
public sealed record RewardHeadBackwardArgs(Tensor DRewards, Tensor X, Tensor W, Tensor DX, Tensor? DW);
