namespace Rm.Training.Statistics;

/// <summary>
/// McNemar's test in its exact form (1947): of the rows that only one of two models gets right, each should get about half.
/// </summary>
public static class McNemar
{
    /// <summary>Two-sided binomial probability of counts at least as uneven; 1 when no row tells the models apart.</summary>
    /// <param name="onlyFirst">Rows that only the first model gets right.</param>
    /// <param name="onlySecond">Rows that only the second gets right.</param>
    public static double ExactP(int onlyFirst, int onlySecond)
    {
        int n = onlyFirst + onlySecond, fewer = Math.Min(onlyFirst, onlySecond);

        // P(X <= k) = I_1/2(n - k, k + 1) for X ~ Binomial(n, 1/2).
        return n == 2 * fewer ? 1 : Math.Min(1, 2 * IncompleteBeta.Regularized(0.5, 0.5, n - fewer, fewer + 1));
    }
}
