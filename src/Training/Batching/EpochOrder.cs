using Rm.Formats.RandomNumbers;
using Rm.Training.RandomNumbers;

namespace Rm.Training.Batching;

/// <summary>
/// Which example comes at which position of an endless run over a data set. The order of epoch e depends on (count, seed, e) alone, so
/// that a resumed run needs nothing but its position. Not safe for use from several threads at once.
/// </summary>
public sealed class EpochOrder
{
    private readonly ulong _seed;
    private readonly RandomSource _source;
    private readonly int[] _order;
    private long _epoch = -1;

    /// <summary>An order of <paramref name="count"/> examples, at least one.</summary>
    public EpochOrder(int count, ExampleOrder order, ulong seed, RandomSource source = RandomSource.Btrm)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        Count = count;
        Order = order;
        _seed = seed;
        _source = source;
        _order = order == ExampleOrder.Shuffle ? new int[count] : [];
    }

    /// <summary>Examples in an epoch.</summary>
    public int Count { get; }

    /// <summary>The kind of order.</summary>
    public ExampleOrder Order { get; }

    /// <summary>Index of the example at a position counted from the start of training, from 0, over epochs.</summary>
    public int At(long position)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(position);
        (long epoch, long offset) = Math.DivRem(position, Count);
        if (Order == ExampleOrder.Sequential)
        {
            return (int)offset;
        }

        if (epoch != _epoch)
        {
            Shuffle(epoch);
        }

        return _order[offset];
    }

    // Fisher and Yates, from the end; transformers' sampler has a generator of its own for every epoch.
    private void Shuffle(long epoch)
    {
        _epoch = epoch;
        if (_source == RandomSource.Torch)
        {
            new TorchGenerator(_seed + (ulong)epoch).Permutation(_order);
            return;
        }

        var random = SplitMix64.For(_seed, (ulong)epoch);
        for (int i = 0; i < _order.Length; i++)
        {
            _order[i] = i;
        }

        for (int i = _order.Length - 1; i > 0; i--)
        {
            int j = random.NextBelow(i + 1);
            (_order[i], _order[j]) = (_order[j], _order[i]);
        }
    }
}
