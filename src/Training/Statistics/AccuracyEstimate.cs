
namespace Rm.Training.Statistics;

/// <summary>
/// Accuracy with a 95% interval that knows about clusters: Wilson's interval (1927) for the effective number of pairs of Korn and Graubard
/// (1998), n_eff = n * (p(1-p) / (n-1) / SE^2) * (t_(n-1) / t_(G-1))^2, where SE is that of <see cref="ClusteredMean"/> and t the 97.5%
/// quantile of Student's t. It is never more than n. Pairs that are all clusters of their own give n_eff = n, the plain Wilson interval.
/// Where the spread between clusters cannot be seen (one cluster, or every pair right, or none), n_eff = G: pairs of a cluster count as
/// one.
/// </summary>
/// <param name="Pairs">Pairs n.</param>
/// <param name="Clusters">Clusters G; null where only totals are known.</param>
/// <param name="Correct">Pairs with chosen strictly above rejected.</param>
/// <param name="Ties">Pairs with equal rewards; they do not count as correct.</param>
/// <param name="StandardError">Standard error of the accuracy, cluster-robust; null where it cannot be known.</param>
/// <param name="EffectivePairs">n_eff.</param>
/// <param name="Low">Lower end of the interval.</param>
/// <param name="High">Upper end.</param>
public sealed record AccuracyEstimate(
    int Pairs, int? Clusters, int Correct, int Ties, double? StandardError, double EffectivePairs, double Low, double High)
{
    /// <summary>Share of correct pairs.</summary>
    public double Value => (double)Correct / Pairs;

    /// <summary>What guessing gives: half of the pairs that are no tie, for a tie is never correct.</summary>
    public double Chance => (double)(Pairs - Ties) / (2 * Pairs);

    /// <summary>The accuracy of at least one row.</summary>
    public static AccuracyEstimate Of(IReadOnlyList<EvalRow> rows)
    {
        var mean = ClusteredMean.Of([.. rows.Select(r => r.Gap > 0 ? 1.0 : 0)], [.. rows.Select(r => r.Cluster)]);
        int correct = rows.Count(r => r.Gap > 0);
        double effective = Effective(mean, correct);
        (double low, double high) = WilsonInterval.Of((double)correct / rows.Count, effective);
        return new AccuracyEstimate(
            rows.Count, mean.Clusters, correct, rows.Count(r => r.Gap == 0), mean.StandardError, effective, low, high);
    }

    /// <summary>
    /// The accuracy behind mere totals, with the interval that was written beside them; without one every pair is taken as independent: the
    /// plain Wilson interval.
    /// </summary>
    public static AccuracyEstimate FromCounts(int correct, int pairs, int ties, (double Low, double High)? interval = null)
    {
        double p = (double)correct / pairs;
        (double low, double high) = interval ?? WilsonInterval.Of(p, pairs);
        return new AccuracyEstimate(pairs, null, correct, ties, pairs < 2 ? null : Math.Sqrt(p * (1 - p) / (pairs - 1)), pairs, low, high);
    }

    private static double Effective(ClusteredMean mean, int correct)
    {
        int n = mean.Count, clusters = mean.Clusters;
        if (clusters == n || clusters == 1 || correct == 0 || correct == n)
        {
            return clusters;
        }

        double p = (double)correct / n, variance = mean.StandardError!.Value * mean.StandardError.Value;
        double t = StudentT.Quantile95(n - 1) / StudentT.Quantile95(clusters - 1);

        // Clusters that are all alike leave no variance between them; more than n independent pairs there cannot be.
        return Math.Min(n, n * (p * (1 - p) / (n - 1) / variance) * t * t);
    }
}
