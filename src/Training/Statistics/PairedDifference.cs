namespace Rm.Training.Statistics;

/// <summary>
/// Difference of two accuracies on the same rows, first minus second. With d = correct(first) - correct(second) on each row, the difference
/// is the <see cref="ClusteredMean"/> of d, its 95% interval is difference +- t_(G-1) * SE, and p comes from the same t.
/// </summary>
/// <param name="Rows">Rows n.</param>
/// <param name="Clusters">Clusters G.</param>
/// <param name="Both">Rows that both models get right.</param>
/// <param name="OnlyFirst">Rows that only the first gets right.</param>
/// <param name="OnlySecond">Rows that only the second gets right.</param>
/// <param name="StandardError">Standard error of the difference; null with a single cluster.</param>
/// <param name="Low">Lower end of the interval; null with a single cluster.</param>
/// <param name="High">Upper end.</param>
/// <param name="ClusteredP">Two-sided p of the clustered difference; null with a single cluster.</param>
/// <param name="McNemarP">Two-sided p of McNemar's exact test, which takes every row as independent.</param>
public sealed record PairedDifference(
    int Rows, int Clusters, int Both, int OnlyFirst, int OnlySecond, double? StandardError, double? Low, double? High, double? ClusteredP,
    double McNemarP)
{
    /// <summary>Difference of the accuracies.</summary>
    public double Difference => (double)(OnlyFirst - OnlySecond) / Rows;

    /// <summary>Accuracy of the first model on these rows.</summary>
    public double FirstAccuracy => (double)(Both + OnlyFirst) / Rows;

    /// <summary>Accuracy of the second model on these rows.</summary>
    public double SecondAccuracy => (double)(Both + OnlySecond) / Rows;

    /// <summary>
    /// The p that decides: the larger of the two. McNemar's is exact for however few rows that differ, but takes them as independent; the
    /// clustered one allows for dependent rows, but needs many. Null when all of several rows are one cluster: nothing can be said.
    /// </summary>
    public double? P => Clusters == Rows && ClusteredP is null ? McNemarP : ClusteredP is { } p ? Math.Max(p, McNemarP) : null;

    /// <summary>The difference on the rows of a join, of which there is at least one.</summary>
    internal static PairedDifference Of(RowJoin join)
    {
        bool[] first = [.. join.First.Select(r => r.Gap > 0)], second = [.. join.Second.Select(r => r.Gap > 0)];
        int n = first.Length;
        int onlyFirst = Count((a, b) => a && !b), onlySecond = Count((a, b) => b && !a);
        var mean = ClusteredMean.Of(
            [.. first.Zip(second, (a, b) => a == b ? 0.0 : a ? 1 : -1)], [.. join.Second.Select(r => r.Cluster)]);
        (double? low, double? high, double? p) = (null, null, null);
        if (mean.StandardError is { } error)
        {
            double half = StudentT.Quantile95(mean.Clusters - 1) * error;
            (low, high) = (mean.Mean - half, mean.Mean + half);
            p = onlyFirst == onlySecond ? 1 : StudentT.TwoSidedP(mean.Mean / error, mean.Clusters - 1);
        }

        return new PairedDifference(
            n, mean.Clusters, Count((a, b) => a && b), onlyFirst, onlySecond, mean.StandardError, low, high, p,
            McNemar.ExactP(onlyFirst, onlySecond));

        int Count(Func<bool, bool, bool> condition) => first.Zip(second, condition).Count(holds => holds);
    }
}
