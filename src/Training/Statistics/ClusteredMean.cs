namespace Rm.Training.Statistics;

/// <summary>
/// A mean whose observations are independent between clusters but not within them. The standard error is the cluster-robust sandwich with
/// the usual correction for few clusters: SE^2 = G / (G - 1) * sum over clusters of (sum of its residuals)^2 / n^2.
/// </summary>
/// <param name="Count">Observations n.</param>
/// <param name="Clusters">Clusters G.</param>
/// <param name="Mean">Mean.</param>
/// <param name="StandardError">
/// Standard error of the mean; null with a single cluster, which says nothing about the spread between clusters.
/// </param>
public sealed record ClusteredMean(int Count, int Clusters, double Mean, double? StandardError)
{
    /// <summary>The mean of at least one value.</summary>
    /// <param name="values">Values.</param>
    /// <param name="clusters">The cluster of each value.</param>
    public static ClusteredMean Of(IReadOnlyList<double> values, IReadOnlyList<string> clusters)
    {
        double mean = values.Average();

        // Sums are kept in order of appearance, so that equal input gives equal bits.
        var positions = new Dictionary<string, int>(StringComparer.Ordinal);
        var sums = new List<double>();
        for (int i = 0; i < values.Count; i++)
        {
            if (!positions.TryGetValue(clusters[i], out int g))
            {
                positions[clusters[i]] = g = sums.Count;
                sums.Add(0);
            }

            sums[g] += values[i] - mean;
        }

        int n = values.Count, count = sums.Count;
        double? error = count < 2 ? null : Math.Sqrt((double)count / (count - 1) * sums.Sum(u => u * u)) / n;
        return new ClusteredMean(n, count, mean, error);
    }
}
