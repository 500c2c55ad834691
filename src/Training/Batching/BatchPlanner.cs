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
    private readonly IReadOnlyList<PreferencePair> _pairs = [];
    private readonly IReadOnlyList<PairGroup>? _rankings;
    private readonly EpochOrder _order;

    /// <summary>A plan over at least one pair (see <see cref="PairDataset.RequirePairs"/>) with at least one pair a batch.</summary>
    public BatchPlanner(
        IReadOnlyList<PreferencePair> pairs, int batchSize, ExampleOrder order, ulong seed, RandomSource source = RandomSource.Btrm)
        : this(pairs.Count, batchSize, order, seed, source) => _pairs = pairs;

    /// <summary>The same over rankings: a batch has <paramref name="batchSize"/> of them.</summary>
    public BatchPlanner(
        IReadOnlyList<PairGroup> rankings, int batchSize, ExampleOrder order, ulong seed, RandomSource source = RandomSource.Btrm)
        : this(rankings.Count, batchSize, order, seed, source) => _rankings = rankings;

    private BatchPlanner(int examples, int batchSize, ExampleOrder order, ulong seed, RandomSource source)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        _order = new EpochOrder(examples, order, seed, source);
        BatchSize = batchSize;
    }

    /// <summary>Pairs, or rankings, in every batch.</summary>
    public int BatchSize { get; }

    /// <summary>The pairs of a step, counted from 0.</summary>
    public IReadOnlyList<PreferencePair> BatchAt(long step) => ((IBatchPlan)this).BatchAt(step).Pairs;

    /// <inheritdoc/>
    TrainingBatch IBatchPlan.BatchAt(long step) =>
        _rankings is null ? new TrainingBatch(Take(_pairs, step)) : TrainingBatch.Of(Take(_rankings, step));

    private T[] Take<T>(IReadOnlyList<T> examples, long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        var batch = new T[BatchSize];
        for (int i = 0; i < batch.Length; i++)
        {
            batch[i] = examples[_order.At(checked((step * BatchSize) + i))];
        }

        return batch;
    }

    /// <summary>Epochs that have gone by before a step.</summary>
    public double EpochAt(long step) => (double)step * BatchSize / _order.Count;
}
