using Rm.Formats.Rendering;
using Rm.Training.Batching;
using Rm.Training.Model;

namespace Rm.Training.Evaluation;

/// <summary>Scores pairs in their order, packed into micro-batches; a pair's rewards do not depend on how they are packed.</summary>
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
        foreach (MicroBatch micro in MicroBatch.Cut(ScoringPairs.Of(pairs), microTokenBudget, sharePrefix))
        {
            float[] values = model.Score(PairPacking.Pack(micro.Pairs, sharePrefix));
            if (!values.All(float.IsFinite))
            {
                throw NonFiniteException.InEvaluation(
                    micro.Pairs.Where((_, i) => !float.IsFinite(values[2 * i]) || !float.IsFinite(values[(2 * i) + 1])));
            }

            for (int i = 0; i < micro.Pairs.Count; i++)
            {
                rewards.Add(values[2 * i], values[(2 * i) + 1]);
            }

            onProgress?.Invoke(rewards.Count);
        }

        return rewards;
    }
}
