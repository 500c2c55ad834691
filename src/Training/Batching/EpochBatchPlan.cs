using Rm.Formats.Rendering;
using Rm.Training.RandomNumbers;

namespace Rm.Training.Batching;

/// <summary>
/// Steps of several small batches, as transformers' trainer cuts them: an epoch ends with a short batch and, where the batches do not come
/// out even, with a step of fewer batches; nothing runs over into the next epoch.
/// </summary>
public sealed class EpochBatchPlan : IBatchPlan
{
    private readonly IReadOnlyList<PreferencePair> _pairs;
    private readonly EpochOrder _order;
    private readonly int _batchSize;
    private readonly int _accumulation;
    private readonly int _used;

    /// <summary>A plan over at least one pair.</summary>
    /// <param name="pairs">The pairs of an epoch.</param>
    /// <param name="batchSize">Pairs of a small batch.</param>
    /// <param name="accumulation">Small batches of a step.</param>
    /// <param name="order">Order of an epoch.</param>
    /// <param name="seed">Seed of the order.</param>
    /// <param name="source">What the order is drawn from.</param>
    /// <param name="dropLast">Leave a short batch away, if there is a full one.</param>
    public EpochBatchPlan(
        IReadOnlyList<PreferencePair> pairs, int batchSize, int accumulation, ExampleOrder order, ulong seed, RandomSource source,
        bool dropLast = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(accumulation, 1);
        (_pairs, _batchSize, _accumulation) = (pairs, batchSize, accumulation);
        _order = new EpochOrder(pairs.Count, order, seed, source);
        _used = dropLast ? pairs.Count / batchSize * batchSize : pairs.Count;
        ArgumentOutOfRangeException.ThrowIfLessThan(_used, 1, nameof(pairs));
        BatchesPerEpoch = DivideUp(_used, batchSize);
        StepsPerEpoch = DivideUp(BatchesPerEpoch, accumulation);
    }

    /// <summary>Small batches of an epoch.</summary>
    public int BatchesPerEpoch { get; }

    /// <summary>Steps of an epoch.</summary>
    public int StepsPerEpoch { get; }

    /// <inheritdoc/>
    public TrainingBatch BatchAt(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        (long epoch, long inEpoch) = Math.DivRem(step, StepsPerEpoch);
        int first = checked((int)inEpoch * _accumulation), last = Math.Min(first + _accumulation, BatchesPerEpoch);
        var pairs = new List<PreferencePair>();
        var sizes = new List<int>();
        for (int batch = first; batch < last; batch++)
        {
            int start = batch * _batchSize, end = Math.Min(start + _batchSize, _used);
            for (int i = start; i < end; i++)
            {
                pairs.Add(_pairs[_order.At((epoch * _pairs.Count) + i)]);
            }

            sizes.Add(end - start);
        }

        return new TrainingBatch(pairs, sizes);
    }

    /// <summary>Epochs that have gone by before a step, counted in small batches.</summary>
    public double EpochAt(long step)
    {
        (long epoch, long inEpoch) = Math.DivRem(step, StepsPerEpoch);
        return epoch + ((double)Math.Min(inEpoch * _accumulation, BatchesPerEpoch) / BatchesPerEpoch);
    }

    private static int DivideUp(int count, int size) => (count + size - 1) / size;
}
