namespace Rm.Host.Analysis;

/// <summary>How values spread: rewards, or gaps between them.</summary>
/// <param name="Mean">Mean.</param>
/// <param name="Min">Smallest.</param>
/// <param name="Max">Largest.</param>
/// <param name="StandardDeviation">With n - 1 in the denominator; null for one value and where only totals are known.</param>
/// <param name="Quantiles">
/// At <see cref="Probabilities"/>, interpolated linearly between order statistics; empty where only totals are known.
/// </param>
public sealed record RewardDistribution(double Mean, double Min, double Max, double? StandardDeviation, IReadOnlyList<double> Quantiles)
{
    /// <summary>What <see cref="Quantiles"/> are taken at.</summary>
    public static IReadOnlyList<double> Probabilities { get; } = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];

    /// <summary>The spread of at least one value.</summary>
    public static RewardDistribution Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        double mean = sorted.Average();
        double? deviation = sorted.Length < 2 ? null : Math.Sqrt(sorted.Sum(v => (v - mean) * (v - mean)) / (sorted.Length - 1));
        return new RewardDistribution(mean, sorted[0], sorted[^1], deviation, [.. Probabilities.Select(p => Quantile(sorted, p))]);
    }

    private static double Quantile(double[] sorted, double probability)
    {
        double position = probability * (sorted.Length - 1);
        int below = (int)position;
        double rest = position - below;
        return rest == 0 ? sorted[below] : sorted[below] + (rest * (sorted[below + 1] - sorted[below]));
    }
}
