namespace Rm.Training.Statistics;

/// <summary>Expected calibration error (Naeini et al. 2015).</summary>
public static class CalibrationError
{
    private const int Bins = 10;

    /// <summary>
    /// The error of the side that the model prefers: confidence sigmoid(|gap|) against how often it is right,
    /// in ten equal bins of [0.5, 1]. A tie counts as half right.
    /// </summary>
    public static double Of(IReadOnlyList<double> gaps)
    {
        double[] confidence = new double[Bins];
        double[] right = new double[Bins];
        foreach (double gap in gaps)
        {
            double p = BradleyTerryLoss.Probability(Math.Abs(gap));
            int bin = Math.Min(Bins - 1, (int)((p - 0.5) * 2 * Bins));
            confidence[bin] += p;
            right[bin] += gap > 0 ? 1 : gap == 0 ? 0.5 : 0;
        }

        return confidence.Zip(right, (c, r) => Math.Abs(c - r)).Sum() / gaps.Count;
    }
}
