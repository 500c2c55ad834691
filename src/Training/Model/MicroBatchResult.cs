using Rm.Kernels.Ops;

namespace Rm.Training.Model;

/// <summary>What a micro-batch of n pairs or rankings gave.</summary>
/// <param name="Rewards">Chosen and rejected reward of each pair in turn, or every ranking's answers in turn.</param>
/// <param name="Losses">Each pair's or ranking's share of the batch's loss, n values.</param>
public sealed record MicroBatchResult(float[] Rewards, float[] Losses);

/// <summary>Optional inputs of the loss, per pair or ranking.</summary>
/// <param name="Margins">Margin of each, or null for none.</param>
/// <param name="Weights">Weight of each, or null for ones.</param>
public sealed record PairTargets(float[]? Margins, float[]? Weights)
{
    /// <summary>Which rewards make which ranking; null for pairs.</summary>
    public RankingLayout? Rankings { get; init; }

    /// <summary>How the answers of rankings are compared.</summary>
    public RankingLossKind Kind { get; init; }
}
