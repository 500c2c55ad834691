using Rm.Training.Evaluation;

namespace Rm.Training.Loop;

/// <summary>What decides which evaluation is the best.</summary>
/// <param name="HigherIsBetter">Whether the largest value is the best, or the smallest.</param>
/// <param name="Value">The value of an evaluation.</param>
public sealed record BestCriterion(bool HigherIsBetter, Func<EvaluationResult, PairRewards, double> Value)
{
    /// <summary>One of the named metrics.</summary>
    public static BestCriterion Of(BestMetric metric) =>
        metric == BestMetric.Loss ? new(false, (result, _) => result.Loss) : new(true, (result, _) => result.Accuracy);
}
