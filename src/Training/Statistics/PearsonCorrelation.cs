namespace Rm.Training.Statistics;

/// <summary>Pearson correlation.</summary>
public static class PearsonCorrelation
{
    /// <summary>The correlation; null when either side is constant.</summary>
    public static double? Of(IReadOnlyList<double> x, IReadOnlyList<double> y)
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
