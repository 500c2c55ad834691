using Rm.Training.Evaluation;

namespace Rm.Training.Loop;

/// <summary>What one optimizer step gave.</summary>
/// <param name="Loss">Mean loss of the batch.</param>
/// <param name="GradNorm">Global gradient norm before clipping.</param>
/// <param name="LearningRate">Learning rate of the update.</param>
/// <param name="Rewards">Rewards before the update.</param>
/// <param name="Tokens">Tokens of both full sequences of every pair.</param>
/// <param name="PackedTokens">Tokens that were computed.</param>
public sealed record StepResult(double Loss, double GradNorm, double LearningRate, PairRewards Rewards, long Tokens, long PackedTokens)
{
    /// <summary>Sizes of the groups of pairs whose means the loss is the mean of; null for the mean over all pairs.</summary>
    public IReadOnlyList<int>? GroupSizes { get; init; }
}
