using Rm.Formats.Rendering;
using Rm.Training.Batching;
using Rm.Training.Model;

namespace Rm.Training.Evaluation;

/// <summary>
/// Scores pairs in their order, packed into micro-batches; every answer of a ranking once. A pair's rewards do not depend on how they are
/// packed.
/// </summary>
public static class PairEvaluator
{
    /// <summary>Rewards of every pair. Throws <see cref="NonFiniteException"/> naming the rows when any is not a finite number.</summary>
    /// <param name="model">Model.</param>
    /// <param name="pairs">Pairs.</param>
    /// <param name="microTokenBudget">Most packed tokens of a micro-batch.</param>
    /// <param name="sharePrefix">Store what both sides begin with once.</param>
    /// <param name="onProgress">Called after each micro-batch with the number of pairs done.</param>
    public static PairRewards Score(
        RewardModel model, IReadOnlyList<PreferencePair> pairs, int microTokenBudget, bool sharePrefix, Action<int>? onProgress = null)
    {
        var rewards = new PairRewards(pairs.Count);
        foreach (MicroBatch micro in MicroBatch.Cut(ScoringPairs.Of(pairs, microTokenBudget, sharePrefix), microTokenBudget, sharePrefix))
        {
            int before = rewards.Count;
            rewards.Add(micro.Groups, model.Score(PairPacking.Pack(micro.Groups, sharePrefix)));
            PreferencePair[] bad = [.. micro.Pairs.Where((_, i) => !rewards.IsFinite(before + i))];
            if (bad.Length > 0)
            {
                throw NonFiniteException.InEvaluation(bad);
            }

            onProgress?.Invoke(rewards.Count);
        }

        return rewards;
    }
}
