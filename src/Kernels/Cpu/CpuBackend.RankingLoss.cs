using Rm.Kernels.Ops;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void RankingLoss(RankingLossArgs args)
    {
        args.Check();
        RankingLayout rankings = args.Rankings;
        int count = rankings.Count;
        float* losses = F32View.Vector(args.Losses, count, nameof(args.Losses));
        float* rewards = F32View.Vector(args.Rewards, rankings.Answers, nameof(args.Rewards));
        float* margins = args.Margins is { } m ? F32View.Vector(m, count, nameof(args.Margins)) : null;
        float* weights = args.Weights is { } w ? F32View.Vector(w, count, nameof(args.Weights)) : null;
        float* dRewards = args.DRewards is { } d ? F32View.Vector(d, rankings.Answers, nameof(args.DRewards)) : null;

        // -0 + x is x for every x, so that a sum of one term has that term's bits.
        double[] gradient = new double[rankings.Answers];
        Array.Fill(gradient, -0.0);
        for (int ranking = 0; ranking < count; ranking++)
        {
            int end = rankings.PairStarts[ranking + 1];
            double margin = margins is null ? 0 : margins[ranking];
            double factor = (weights is null ? 1 : (double)weights[ranking]) * args.Normalizer;
            double share = 1.0 / (end - rankings.PairStarts[ranking]), loss = 0;
            for (int first = rankings.PairStarts[ranking], next; first < end; first = next)
            {
                next = rankings.StageEnd(first, end, args.Kind);
                loss += Stage(rewards, rankings.Pairs.AsSpan((2 * first)..(2 * next)), args, margin, share, gradient);
            }

            losses[ranking] = (float)(factor * loss);
            for (int i = rankings.AnswerStarts[ranking]; dRewards is not null && i < rankings.AnswerStarts[ranking + 1]; i++)
            {
                dRewards[i] = (float)(factor * gradient[i]);
            }
        }
    }

    // One answer against those of its pairs; the terms are written as in PairLoss, so that a stage of one pair gives its bits.
    private static double Stage(
        float* rewards, ReadOnlySpan<int> pairs, RankingLossArgs args, double margin, double share, double[] gradient)
    {
        PairLossOptions options = args.Options;
        double beta = options.Beta, choice = args.Kind == RankingLossKind.Pairwise ? share : 1;
        double towards = choice * (1 - (double)options.LabelSmoothing), away = choice * options.LabelSmoothing;
        double score = share * options.ScoreRegularization, spread = share * options.MarginRegularization;
        double best = rewards[pairs[0]], largest = 0;
        int leader = -1;
        for (int i = 0; i < pairs.Length; i += 2)
        {
            double x = -((beta * (best - rewards[pairs[i + 1]])) - margin);
            (largest, leader) = x > largest ? (x, i) : (largest, leader);
        }

        // log(1 + sum of e^x) with the largest term, e^largest, taken out.
        double others = leader < 0 ? 0 : Math.Exp(-largest);
        for (int i = 0; i < pairs.Length; i += 2)
        {
            others += i == leader ? 0 : Math.Exp(-((beta * (best - rewards[pairs[i + 1]])) - margin) - largest);
        }

        double loss = towards * (largest + LogOnePlus(others));
        for (int i = 0; i < pairs.Length; i += 2)
        {
            double other = rewards[pairs[i + 1]], difference = best - other, z = (beta * difference) - margin;
            double lost = Math.Exp(-z - largest) / (1 + others);
            loss += away * Softplus(z);
            loss = loss + (score * ((best * best) + (other * other))) + (spread * difference * difference);
            double slope = (beta * ((away * Sigmoid(z)) - (towards * lost))) + (2 * spread * difference);
            gradient[pairs[i]] += slope + (2 * score * best);
            gradient[pairs[i + 1]] += (2 * score * other) - slope;
        }

        return loss;
    }
}
