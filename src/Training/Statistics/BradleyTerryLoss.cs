using Rm.Kernels.Ops;

namespace Rm.Training.Statistics;

/// <summary>The loss of one pair in double precision, for reporting; the formula is that of <see cref="PairLossArgs"/>.</summary>
public static class BradleyTerryLoss
{
    /// <summary>Loss of a pair with weight 1.</summary>
    public static double Of(double chosen, double rejected, double margin, PairLossOptions options)
    {
        double d = chosen - rejected;
        double z = (options.Beta * d) - margin;
        return ((1 - options.LabelSmoothing) * SoftPlus(-z)) + (options.LabelSmoothing * SoftPlus(z))
            + (options.ScoreRegularization * ((chosen * chosen) + (rejected * rejected))) + (options.MarginRegularization * d * d);
    }

    /// <summary>Probability that the chosen side wins: sigmoid(d).</summary>
    public static double Probability(double d) => d >= 0 ? 1 / (1 + Math.Exp(-d)) : Math.Exp(d) / (1 + Math.Exp(d));

    // -logsigmoid(-x) = log(1 + exp(x)) without overflow.
    private static double SoftPlus(double x) => Math.Max(x, 0) + LogOnePlus(Math.Exp(-Math.Abs(x)));

    // log(1 + x) for 0 <= x <= 1 without losing small x.
    private static double LogOnePlus(double x)
    {
        double u = 1 + x;
        return u == 1 ? x : Math.Log(u) * x / (u - 1);
    }
}
