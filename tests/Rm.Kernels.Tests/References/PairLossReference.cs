using System.Numerics;
using Rm.Kernels.Ops;

namespace Rm.Kernels.Tests.References;

/// <summary>The pair loss by the formula, in double or more.</summary>
internal static class PairLossReference<T>
    where T : IBinaryFloatingPointIeee754<T>
{
    public static RealMatrix<T> Losses(
        RealMatrix<T> rewards, RealMatrix<T> margins, RealMatrix<T> weights, PairLossOptions options, float normalizer) =>
        margins.Map((_, i, margin) =>
        {
            T chosen = rewards[0, 2 * i];
            T rejected = rewards[0, (2 * i) + 1];
            T difference = chosen - rejected;
            T z = (T.CreateChecked(options.Beta) * difference) - margin;
            T smoothing = T.CreateChecked(options.LabelSmoothing);
            return weights[0, i] * T.CreateChecked(normalizer) * (
                ((T.One - smoothing) * NegativeLogSigmoid(z)) + (smoothing * NegativeLogSigmoid(-z))
                + (T.CreateChecked(options.ScoreRegularization) * ((chosen * chosen) + (rejected * rejected)))
                + (T.CreateChecked(options.MarginRegularization) * difference * difference));
        });

    public static RealMatrix<T> Gradient(
        RealMatrix<T> rewards, RealMatrix<T> margins, RealMatrix<T> weights, PairLossOptions options, float normalizer)
    {
        var gradient = new RealMatrix<T>(1, rewards.Columns);
        T two = T.CreateChecked(2);
        for (int i = 0; i < margins.Columns; i++)
        {
            T chosen = rewards[0, 2 * i];
            T rejected = rewards[0, (2 * i) + 1];
            T difference = chosen - rejected;
            T beta = T.CreateChecked(options.Beta);
            T smoothing = T.CreateChecked(options.LabelSmoothing);
            T score = two * T.CreateChecked(options.ScoreRegularization);
            T sigmoid = T.One / (T.One + T.Exp(margins[0, i] - (beta * difference)));
            T slope = (beta * (sigmoid - T.One + smoothing)) + (two * T.CreateChecked(options.MarginRegularization) * difference);
            T factor = weights[0, i] * T.CreateChecked(normalizer);
            gradient[0, 2 * i] = factor * (slope + (score * chosen));
            gradient[0, (2 * i) + 1] = factor * ((score * rejected) - slope);
        }

        return gradient;
    }

    private static T NegativeLogSigmoid(T x) => T.Max(-x, T.Zero) + T.LogP1(T.Exp(-T.Abs(x)));
}
