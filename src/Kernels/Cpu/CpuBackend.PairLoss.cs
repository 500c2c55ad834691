using Rm.Kernels.Ops;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void PairLoss(PairLossArgs args)
    {
        int pairs = args.Losses.Columns * args.Losses.Rows;
        float* losses = F32View.Vector(args.Losses, pairs, nameof(args.Losses));
        float* rewards = F32View.Vector(args.Rewards, 2L * pairs, nameof(args.Rewards));
        float* margins = args.Margins is { } m ? F32View.Vector(m, pairs, nameof(args.Margins)) : null;
        float* weights = args.Weights is { } w ? F32View.Vector(w, pairs, nameof(args.Weights)) : null;
        float* dRewards = args.DRewards is { } d ? F32View.Vector(d, 2L * pairs, nameof(args.DRewards)) : null;
        PairLossOptions options = args.Options;
        double beta = options.Beta;
        double smoothing = options.LabelSmoothing;

        // A few pairs per micro-batch: double precision costs nothing here.
        for (int i = 0; i < pairs; i++)
        {
            double chosen = rewards[2 * i];
            double rejected = rewards[(2 * i) + 1];
            double difference = chosen - rejected;
            double z = (beta * difference) - (margins is null ? 0 : margins[i]);
            double factor = (weights is null ? 1 : (double)weights[i]) * args.Normalizer;
            double loss = ((1 - smoothing) * Softplus(-z)) + (smoothing * Softplus(z))
                + (options.ScoreRegularization * ((chosen * chosen) + (rejected * rejected)))
                + (options.MarginRegularization * difference * difference);
            losses[i] = (float)(factor * loss);
            if (dRewards is not null)
            {
                double towardsChosen = (beta * ((smoothing * Sigmoid(z)) - ((1 - smoothing) * Sigmoid(-z))))
                    + (2 * options.MarginRegularization * difference);
                dRewards[2 * i] = (float)(factor * (towardsChosen + (2 * options.ScoreRegularization * chosen)));
                dRewards[(2 * i) + 1] = (float)(factor * ((2 * options.ScoreRegularization * rejected) - towardsChosen));
            }
        }
    }

    /// <summary>log(1 + e^x) = -logsigmoid(-x), without overflow.</summary>
    private static double Softplus(double x) => Math.Max(x, 0) + LogOnePlus(Math.Exp(-Math.Abs(x)));

    /// <summary>log(1 + u) for u >= 0 through the compensated quotient (Kahan), since 1 + u rounds.</summary>
    private static double LogOnePlus(double u)
    {
        double sum = 1 + u;
        return sum == 1 ? u : Math.Log(sum) * u / (sum - 1);
    }

    private static double Sigmoid(double x)
    {
        double tail = Math.Exp(-Math.Abs(x));
        return x >= 0 ? 1 / (1 + tail) : tail / (1 + tail);
    }
}
