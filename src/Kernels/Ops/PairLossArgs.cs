using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>
/// Bradley-Terry loss (Bradley and Terry 1952). With d = r_chosen - r_rejected, z = Beta * d - margin, a pair's loss is
/// weight * ((1 - LabelSmoothing) * -logsigmoid(z) + LabelSmoothing * -logsigmoid(-z) + ScoreRegularization * (r_c^2 + r_r^2)
/// + MarginRegularization * d^2), times Normalizer.
/// </summary>
/// <param name="Rewards"><c>[2n]</c>, float32: chosen and rejected of each pair in turn.</param>
/// <param name="Margins"><c>[n]</c>, float32, or null for zeros.</param>
/// <param name="Weights"><c>[n]</c>, float32, or null for ones.</param>
/// <param name="Options">Constants of the loss.</param>
/// <param name="Normalizer">1 / pairs of the whole batch, so that micro-batches add up to its mean.</param>
/// <param name="Losses"><c>[n]</c>, float32, =: each pair's share of the loss.</param>
/// <param name="DRewards"><c>[2n]</c>, float32, =; null when no gradient is wanted.</param>
public sealed record PairLossArgs(
    Tensor Rewards, Tensor? Margins, Tensor? Weights, PairLossOptions Options, float Normalizer, Tensor Losses, Tensor? DRewards);

/// <summary>Constants of the Bradley-Terry loss.</summary>
/// <param name="Beta">Factor on the reward difference.</param>
/// <param name="LabelSmoothing">eps: 0.05 means targets 0.95 and 0.05.</param>
/// <param name="ScoreRegularization">Weight of the squared rewards.</param>
/// <param name="MarginRegularization">Weight of the squared difference.</param>
public sealed record PairLossOptions(
    float Beta = 1, float LabelSmoothing = 0, float ScoreRegularization = 0, float MarginRegularization = 0);
