namespace Rm.Training.Statistics;

/// <summary>Student's t distribution.</summary>
public static class StudentT
{
    /// <summary>Probability of a value at least this far from 0, on either side.</summary>
    /// <param name="t">Value.</param>
    /// <param name="degrees">Degrees of freedom, at least 1.</param>
    public static double TwoSidedP(double t, double degrees) =>
        double.IsInfinity(t) ? 0 : IncompleteBeta.Regularized(degrees / (degrees + (t * t)), t * t / (degrees + (t * t)), degrees / 2, 0.5);

    /// <summary>The distance from 0 that 95% of the values stay within.</summary>
    /// <param name="degrees">Degrees of freedom, at least 1.</param>
    public static double Quantile95(double degrees)
    {
        // 12.706... at one degree of freedom is the largest; 1.9599... is the limit.
        double low = 1.9, high = 13;
        for (int i = 0; i < 60; i++)
        {
            double middle = (low + high) / 2;
            (low, high) = TwoSidedP(middle, degrees) > 0.05 ? (middle, high) : (low, middle);
        }

        return (low + high) / 2;
    }
}
