using Rm.Training.Statistics;

namespace Rm.Host.Experiments.Diagnostics;

/// <summary>How much more often one model is right than another on the same pairs, with its 95% interval over clusters of pairs.</summary>
internal sealed record PairedDifference(double Mean, double Low, double High, int Pairs)
{
    private const double Z = 1.959963984540054;

    /// <summary>First minus second, over pairs that both have; null when there is none.</summary>
    public static PairedDifference? Of(IReadOnlyList<EvalRow> first, IReadOnlyList<EvalRow> second)
    {
        // The same pair may occur more than once; its rewards are the same then.
        var others = second.DistinctBy(row => row.Pair).ToDictionary(row => row.Pair, StringComparer.Ordinal);
        (string Cluster, double Value)[] differences = [.. first.Where(row => others.ContainsKey(row.Pair))
            .Select(row => (row.Cluster, AccuracyEstimate.Right(row) - AccuracyEstimate.Right(others[row.Pair])))];
        if (differences.Length == 0)
        {
            return null;
        }

        double mean = differences.Average(d => d.Value);
        double squares = differences.GroupBy(d => d.Cluster, StringComparer.Ordinal).Sum(cluster => Math.Pow(cluster.Sum(d => d.Value - mean), 2));
        double half = Z * Math.Sqrt(squares) / differences.Length;
        return new PairedDifference(mean, mean - half, mean + half, differences.Length);
    }
}
