using Rm.Training.Statistics;

namespace Rm.Host.Experiments.Diagnostics;

/// <summary>
/// An accuracy with its 95% interval. A tie counts as half right, because where nothing tells the sides apart one half is what guessing gives. Pairs of one
/// cluster (a post, a prompt) are not independent: they count as fewer.
/// </summary>
/// <param name="Observed">Share of right pairs, 0 to 1.</param>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
/// <param name="Pairs">Pairs.</param>
/// <param name="Ties">Pairs with equal rewards.</param>
/// <param name="EffectivePairs">Independent pairs that tell as much as these do.</param>
public sealed record AccuracyEstimate(double Observed, double Low, double High, int Pairs, int Ties, double EffectivePairs)
{
    /// <summary>The accuracy of scored pairs; null without any.</summary>
    public static AccuracyEstimate? Of(IReadOnlyList<EvalRow> rows)
    {
        if (rows.Count == 0)
        {
            return null;
        }

        double accuracy = rows.Average(Right);
        double effective = rows.Count / DesignEffect(rows, accuracy);
        (double low, double high) = WilsonInterval.Of(accuracy, effective);
        return new AccuracyEstimate(accuracy, low, high, rows.Count, rows.Count(row => row.Gap == 0), effective);
    }

    /// <summary>1 for a right pair, 0 for a wrong one, one half for a tie.</summary>
    public static double Right(EvalRow row) => row.Gap > 0 ? 1 : row.Gap < 0 ? 0 : 0.5;

    /// <summary>How many times the variance of a mean over clusters is that of a mean over as many independent values, at least 1 (Kish 1965).</summary>
    private static double DesignEffect(IReadOnlyList<EvalRow> rows, double mean)
    {
        double independent = rows.Sum(row => Math.Pow(Right(row) - mean, 2));
        double clustered = rows.GroupBy(row => row.Cluster, StringComparer.Ordinal).Sum(cluster => Math.Pow(cluster.Sum(row => Right(row) - mean), 2));
        return independent > 0 ? Math.Max(1, clustered / independent) : 1;
    }
}
