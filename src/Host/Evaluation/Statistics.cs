namespace Rm.Host.Evaluation;

/// <summary>The few statistics that evaluation reports.</summary>
public static class Statistics
{
    private const int Bins = 10;

    /// <summary>95% interval of a proportion (Wilson 1927).</summary>
    public static (double Low, double High) WilsonInterval(int successes, int trials)
    {
        const double Z = 1.959963984540054;
        double p = (double)successes / trials;
        double denominator = 1 + (Z * Z / trials);
        double centre = (p + (Z * Z / (2 * trials))) / denominator;
        double half = Z * Math.Sqrt((p * (1 - p) / trials) + (Z * Z / (4.0 * trials * trials))) / denominator;
        return (Math.Max(0, centre - half), Math.Min(1, centre + half));
    }

    /// <summary>
    /// Expected calibration error (Naeini et al. 2015) of the side that the model prefers: confidence sigmoid(|gap|) against how often it is right,
    /// in ten equal bins of [0.5, 1]. A tie counts as half right.
    /// </summary>
    public static double CalibrationError(IReadOnlyList<double> gaps)
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

    /// <summary>Pearson correlation; null when either side is constant.</summary>
    public static double? Correlation(IReadOnlyList<double> x, IReadOnlyList<double> y)
    {
        double meanX = x.Average(), meanY = y.Average();
        double xx = 0, yy = 0, xy = 0;
        for (int i = 0; i < x.Count; i++)
        {
            xx += (x[i] - meanX) * (x[i] - meanX);
            yy += (y[i] - meanY) * (y[i] - meanY);
            xy += (x[i] - meanX) * (y[i] - meanY);
        }

        return xx > 0 && yy > 0 ? xy / Math.Sqrt(xx * yy) : null;
    }
}
