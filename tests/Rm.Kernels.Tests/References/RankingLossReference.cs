using System.Numerics;
using Rm.Kernels.Ops;

namespace Rm.Kernels.Tests.References;

/// <summary>The losses of rankings by their definitions, in double or more.</summary>
internal static class RankingLossReference<T>
    where T : IBinaryFloatingPointIeee754<T>
{
    public static RealMatrix<T> Losses(
        RealMatrix<T> rewards, RankingLayout rankings, RankingLossKind kind, RealMatrix<T> margins, RealMatrix<T> weights,
        PairLossOptions options, float normalizer) => margins.Map((_, g, margin) =>
    {
        T pairs = T.CreateChecked(rankings.PairStarts[g + 1] - rankings.PairStarts[g]), sum = T.Zero;
        T smoothing = T.CreateChecked(options.LabelSmoothing);
        foreach ((int better, int worse) in Pairs(rankings, g))
        {
            T difference = rewards[0, better] - rewards[0, worse], z = Z(rewards, better, worse, margin, options);
            T regularization = (T.CreateChecked(options.ScoreRegularization) * (Square(rewards[0, better]) + Square(rewards[0, worse])))
                + (T.CreateChecked(options.MarginRegularization) * Square(difference));
            T choice = kind == RankingLossKind.PlackettLuce
                ? T.Zero
                : ((T.One - smoothing) * NegativeLogSigmoid(z)) + (smoothing * NegativeLogSigmoid(-z));
            sum += (regularization + choice) / pairs;
        }

        if (kind == RankingLossKind.PlackettLuce)
        {
            foreach (IGrouping<int, (int Better, int Worse)> stage in Pairs(rankings, g).GroupBy(pair => pair.Better))
            {
                T[] terms = [T.Zero, .. stage.Select(pair => -Z(rewards, pair.Better, pair.Worse, margin, options))];
                T largest = terms.Max()!;
                sum += largest + T.Log(terms.Aggregate(T.Zero, (total, term) => total + T.Exp(term - largest)));
            }
        }

        return weights[0, g] * T.CreateChecked(normalizer) * sum;
    });

    public static RealMatrix<T> Gradient(
        RealMatrix<T> rewards, RankingLayout rankings, RankingLossKind kind, RealMatrix<T> margins, RealMatrix<T> weights,
        PairLossOptions options, float normalizer)
    {
        var gradient = new RealMatrix<T>(1, rewards.Columns);
        T beta = T.CreateChecked(options.Beta), smoothing = T.CreateChecked(options.LabelSmoothing), two = T.CreateChecked(2);
        T score = two * T.CreateChecked(options.ScoreRegularization), spread = two * T.CreateChecked(options.MarginRegularization);
        for (int g = 0; g < rankings.Count; g++)
        {
            T factor = weights[0, g] * T.CreateChecked(normalizer), margin = margins[0, g];
            T pairs = T.CreateChecked(rankings.PairStarts[g + 1] - rankings.PairStarts[g]);
            foreach ((int better, int worse) in Pairs(rankings, g))
            {
                T difference = rewards[0, better] - rewards[0, worse];
                T slope = (spread * difference) / pairs;
                if (kind == RankingLossKind.Pairwise)
                {
                    slope += beta * (Logistic(Z(rewards, better, worse, margin, options)) - T.One + smoothing) / pairs;
                }
                else
                {
                    // Probability that the worse answer is chosen instead, by the sums as they are written.
                    T own = T.Exp(Z(rewards, better, worse, margin, options)), all = T.Zero;
                    foreach ((int _, int rival) in Pairs(rankings, g).Where(pair => pair.Better == better))
                    {
                        all += T.Exp(Z(rewards, better, worse, margin, options) - Z(rewards, better, rival, margin, options));
                    }

                    slope -= beta / (own + all);
                }

                gradient[0, better] += factor * (slope + (score * rewards[0, better] / pairs));
                gradient[0, worse] += factor * ((score * rewards[0, worse] / pairs) - slope);
            }
        }

        return gradient;
    }

    private static IEnumerable<(int Better, int Worse)> Pairs(RankingLayout rankings, int ranking)
    {
        for (int pair = rankings.PairStarts[ranking]; pair < rankings.PairStarts[ranking + 1]; pair++)
        {
            yield return (rankings.Pairs[2 * pair], rankings.Pairs[(2 * pair) + 1]);
        }
    }

    private static T Z(RealMatrix<T> rewards, int better, int worse, T margin, PairLossOptions options) =>
        (T.CreateChecked(options.Beta) * (rewards[0, better] - rewards[0, worse])) - margin;

    private static T Square(T x) => x * x;

    private static T Logistic(T z) => T.One / (T.One + T.Exp(-z));

    private static T NegativeLogSigmoid(T x) => T.Max(-x, T.Zero) + T.LogP1(T.Exp(-T.Abs(x)));
}
