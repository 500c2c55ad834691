using System.Numerics;

namespace Rm.Kernels.Tests.References;

/// <summary>The choice of experts by the formula: softmax, the k largest, of equal ones the first, divided by their sum or not.</summary>
internal static class RouteReference<T>
    where T : IBinaryFloatingPointIeee754<T>
{
    public static (int[] Experts, RealMatrix<T> Weights) Forward(RealMatrix<T> logits, int chosen, bool normalizes)
    {
        int[] experts = new int[logits.Rows * chosen];
        var weights = new RealMatrix<T>(logits.Rows, chosen);
        for (int t = 0; t < logits.Rows; t++)
        {
            T[] p = Softmax(logits, t);
            int[] order = [.. Enumerable.Range(0, logits.Columns).OrderByDescending(e => logits[t, e]).ThenBy(e => e).Take(chosen)];
            T sum = normalizes ? order.Aggregate(T.Zero, (total, e) => total + p[e]) : T.One;
            for (int j = 0; j < chosen; j++)
            {
                experts[(t * chosen) + j] = order[j];
                weights[t, j] = p[order[j]] / sum;
            }
        }

        return (experts, weights);
    }

    /// <summary>The logits' gradient from that of the weights.</summary>
    public static RealMatrix<T> Backward(RealMatrix<T> dWeights, RealMatrix<T> logits, bool normalizes)
    {
        int chosen = dWeights.Columns;
        (int[] experts, _) = Forward(logits, chosen, normalizes);
        var dLogits = new RealMatrix<T>(logits.Rows, logits.Columns);
        for (int t = 0; t < logits.Rows; t++)
        {
            T[] p = Softmax(logits, t), dp = new T[logits.Columns];
            int[] order = experts[(t * chosen)..((t + 1) * chosen)];
            T sum = order.Aggregate(T.Zero, (total, e) => total + p[e]), dSum = T.Zero;
            for (int j = 0; j < chosen; j++)
            {
                dp[order[j]] = normalizes ? dWeights[t, j] / sum : dWeights[t, j];
                dSum -= normalizes ? dWeights[t, j] * p[order[j]] / (sum * sum) : T.Zero;
            }

            foreach (int e in order)
            {
                dp[e] += dSum;
            }

            T mean = dp.Zip(p, (d, q) => d * q).Aggregate(T.Zero, (total, term) => total + term);
            for (int e = 0; e < logits.Columns; e++)
            {
                dLogits[t, e] = p[e] * (dp[e] - mean);
            }
        }

        return dLogits;
    }

    private static T[] Softmax(RealMatrix<T> logits, int t)
    {
        T[] row = [.. Enumerable.Range(0, logits.Columns).Select(e => logits[t, e])];
        T largest = row.Aggregate(T.NegativeInfinity, T.Max);
        T[] powers = [.. row.Select(value => T.Exp(value - largest))];
        T sum = powers.Aggregate(T.Zero, (total, power) => total + power);
        return [.. powers.Select(power => power / sum)];
    }
}
