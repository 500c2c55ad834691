namespace Rm.Training.Statistics;

/// <summary>95% interval of a proportion (Wilson 1927).</summary>
public static class WilsonInterval
{
    private const double Z = 1.959963984540054;

    /// <summary>The interval of <paramref name="successes"/> in <paramref name="trials"/>, of which there is at least one.</summary>
    public static (double Low, double High) Of(int successes, int trials) => Of((double)successes / trials, trials);

    /// <summary>The interval of a share for a number of trials that need not be whole: the effective number of dependent ones.</summary>
    public static (double Low, double High) Of(double share, double trials)
    {
        double denominator = 1 + (Z * Z / trials);
        double centre = (share + (Z * Z / (2 * trials))) / denominator;
        double half = Z * Math.Sqrt((share * (1 - share) / trials) + (Z * Z / (4 * trials * trials))) / denominator;
        return (Math.Max(0, centre - half), Math.Min(1, centre + half));
    }
}
