using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>
/// The k experts with the largest logits, largest first, of equal ones that with the smaller number (a NaN counts as the largest, as in
/// PyTorch); their weights are the softmax over all
/// experts, or with <paramref name="Normalizes"/> over the chosen ones.
/// </summary>
/// <param name="Logits"><c>[T, E]</c> of the activation type; rows may be strided.</param>
/// <param name="Normalizes">Whether a token's weights sum to 1.</param>
/// <param name="Experts"><c>[T, k]</c>, int32, =; contiguous. Always k different experts, whatever the logits are.</param>
/// <param name="Weights"><c>[T, k]</c>, float32, =; contiguous.</param>
public sealed record RouteForwardArgs(Tensor Logits, bool Normalizes, Tensor Experts, Tensor Weights);

/// <summary>
/// DLogits[t, e] = (e is chosen as j: G[t, j]) - p[t, e] * (sum over j of G[t, j]), where p is the softmax over all experts, or with
/// <paramref name="Normalizes"/> over the chosen ones and 0 for others.
/// </summary>
/// <param name="G"><c>[T, k]</c>, float32: each weight times the gradient with respect to it; contiguous.</param>
/// <param name="Logits">As in forward; needed without <paramref name="Normalizes"/>.</param>
/// <param name="Normalizes">As in forward.</param>
/// <param name="Experts">As forward wrote it.</param>
/// <param name="Weights">As forward wrote it.</param>
/// <param name="DLogits"><c>[T, E]</c> of the activation type, =; may be <paramref name="Logits"/>.</param>
public sealed record RouteBackwardArgs(Tensor G, Tensor Logits, bool Normalizes, Tensor Experts, Tensor Weights, Tensor DLogits);
