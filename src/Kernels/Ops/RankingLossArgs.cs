using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>
/// Loss of rankings of K answers. A stage is one pair (<see cref="RankingLossKind.Pairwise"/>), or one answer i against all j that it is
/// better than (<see cref="RankingLossKind.PlackettLuce"/>). With z_ij = Beta * (r_i - r_j) - margin, a stage's loss is
/// log(1 + sum_j exp(-z_ij)), label smoothing as in <see cref="PairLossArgs"/>. A ranking's loss is the mean of its stages (pairwise) or
/// their sum (Plackett-Luce), plus the mean over its pairs of both regularisations of <see cref="PairLossArgs"/>; times weight and
/// Normalizer. With two answers both are the pair loss, to the bit.
/// </summary>
/// <param name="Rewards"><c>[S]</c>, float32: the answers of each ranking in turn.</param>
/// <param name="Rankings">Which answers are compared.</param>
/// <param name="Kind">How.</param>
/// <param name="Margins"><c>[g]</c>, float32, or null for zeros.</param>
/// <param name="Weights"><c>[g]</c>, float32, or null for ones.</param>
/// <param name="Options">Constants of the loss; no label smoothing with Plackett-Luce.</param>
/// <param name="Normalizer">1 / rankings of the whole batch, so that micro-batches add up to its mean.</param>
/// <param name="Losses"><c>[g]</c>, float32, =: each ranking's share of the loss.</param>
/// <param name="DRewards"><c>[S]</c>, float32, =; null when no gradient is wanted.</param>
public sealed record RankingLossArgs(
    Tensor Rewards, RankingLayout Rankings, RankingLossKind Kind, Tensor? Margins, Tensor? Weights, PairLossOptions Options,
    float Normalizer, Tensor Losses, Tensor? DRewards)
{
    /// <summary>Throws <see cref="ArgumentException"/> for what no backend computes.</summary>
    internal void Check()
    {
        Rankings.Check();
        if (Kind == RankingLossKind.PlackettLuce && Options.LabelSmoothing != 0)
        {
            throw new ArgumentException("Label smoothing is defined for pairs, not for Plackett-Luce.", nameof(Options));
        }
    }
}
