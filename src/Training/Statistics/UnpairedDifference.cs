namespace Rm.Training.Statistics;

/// <summary>
/// Difference of two accuracies taken as independent samples, first minus second: SE^2 = SE(first)^2 + SE(second)^2, with p and the 95%
/// interval from Student's t on the clusters of both less 2. What remains when rows are not there; models that were evaluated on the same
/// pairs usually agree on most of them, so a paired test would see smaller differences.
/// </summary>
/// <param name="Difference">Difference of the accuracies.</param>
/// <param name="StandardError">Its standard error.</param>
/// <param name="Low">Lower end of the interval.</param>
/// <param name="High">Upper end.</param>
/// <param name="P">Two-sided p.</param>
public sealed record UnpairedDifference(double Difference, double StandardError, double Low, double High, double P)
{
    /// <summary>The difference, or null where a standard error is not known.</summary>
    public static UnpairedDifference? Of(AccuracyEstimate first, AccuracyEstimate second)
    {
        if (first.StandardError is not { } a || second.StandardError is not { } b)
        {
            return null;
        }

        double difference = first.Value - second.Value, error = Math.Sqrt((a * a) + (b * b));
        double degrees = (first.Clusters ?? first.Pairs) + (second.Clusters ?? second.Pairs) - 2;
        double half = StudentT.Quantile95(degrees) * error;
        return new UnpairedDifference(
            difference, error, difference - half, difference + half, difference == 0 ? 1 : StudentT.TwoSidedP(difference / error, degrees));
    }
}
