namespace Rm.Formats.Datasets;

/// <summary>Quantiles of lengths in tokens, by nearest rank: every figure is a length that occurs.</summary>
public sealed class LengthQuantiles
{
    private readonly int[] _sorted;

    /// <summary>Quantiles of these lengths; without any, every quantile is 0.</summary>
    public LengthQuantiles(IEnumerable<int> lengths) => _sorted = [.. lengths.Order()];

    /// <summary>The percentages that reports show.</summary>
    public static IReadOnlyList<int> Percentages { get; } = [0, 25, 50, 75, 90, 99, 100];

    /// <summary>The smallest length that at least <paramref name="percent"/> percent of the lengths do not exceed.</summary>
    public int At(int percent)
    {
        if (_sorted.Length == 0)
        {
            return 0;
        }

        long rank = ((long)percent * _sorted.Length + 99) / 100;
        return _sorted[Math.Max(rank, 1) - 1];
    }
}
