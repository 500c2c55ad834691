using Rm.Formats.Datasets;
using Rm.Formats.Rendering;
using Rm.Training.RandomNumbers;

namespace Rm.Training.Batching;

/// <summary>
/// Which pairs a training step takes: step s takes positions s * batch to s * batch + batch - 1 of the endless order, so that batches run
/// on over the end of an epoch. Seeking to a step costs at most one shuffle.
/// </summary>
public sealed class BatchPlanner : IBatchPlan
{
    private readonly IReadOnlyList<PreferencePair> _pairs;
    private readonly EpochOrder _order;

    /// <summary>A plan over at least one pair (see <see cref="PairDataset.RequirePairs"/>) with at least one pair a batch.</summary>
    public BatchPlanner(
        IReadOnlyList<PreferencePair> pairs, int batchSize, ExampleOrder order, ulong seed, RandomSource source = RandomSource.Btrm)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        _pairs = pairs;
        _order = new EpochOrder(pairs.Count, order, seed, source);
        BatchSize = batchSize;
    }

    /// <summary>Pairs in every batch.</summary>
    public int BatchSize { get; }

    /// <summary>The pairs of a step, counted from 0.</summary>
    public IReadOnlyList<PreferencePair> BatchAt(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        var batch = new PreferencePair[BatchSize];
        for (int i = 0; i < batch.Length; i++)
        {
            batch[i] = _pairs[_order.At(checked(step * BatchSize + i))];
        }

        return batch;
    }

    /// <inheritdoc/>
    TrainingBatch IBatchPlan.BatchAt(long step) => new(BatchAt(step));

    /// <summary>Epochs that have gone by before a step.</summary>
    public double EpochAt(long step) => (double)step * BatchSize / _order.Count;
}
