namespace Rm.Training.Statistics;

/// <summary>Holm's step-down adjustment (1979): with many comparisons, some p is small by luck.</summary>
public static class HolmAdjustment
{
    /// <summary>
    /// Adjusted values in the order of <paramref name="p"/>: the k-th smallest of m is multiplied by m - k + 1, none is smaller than one
    /// before it, and none exceeds 1.
    /// </summary>
    public static IReadOnlyList<double> Of(IReadOnlyList<double> p)
    {
        double[] adjusted = new double[p.Count];
        double largest = 0;
        int left = p.Count;
        foreach (int i in Enumerable.Range(0, p.Count).OrderBy(i => p[i]))
        {
            largest = Math.Max(largest, Math.Min(1, p[i] * left--));
            adjusted[i] = largest;
        }

        return adjusted;
    }
}
