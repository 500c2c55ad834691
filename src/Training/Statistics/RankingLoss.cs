using Rm.Kernels.Ops;

namespace Rm.Training.Statistics;

/// <summary>The loss of one ranking in double precision, for reporting; the formula is that of <see cref="RankingLossArgs"/>.</summary>
public static class RankingLoss
{
    /// <summary>Loss of a ranking with weight 1.</summary>
    /// <param name="pairs">Number of the better answer, its reward and the other's; pairs of one better answer follow each other.</param>
    /// <param name="margin">Margin of every pair.</param>
    /// <param name="options">Constants.</param>
    /// <param name="kind">How the answers are compared.</param>
    public static double Of(
        IReadOnlyList<(int Better, float Chosen, float Rejected)> pairs, double margin, PairLossOptions options, RankingLossKind kind)
    {
        double mean = pairs.Average(pair => BradleyTerryLoss.Of(pair.Chosen, pair.Rejected, margin, options));
        if (kind == RankingLossKind.Pairwise)
        {
            return mean;
        }

        // The regularisations alone are a mean over pairs.
        double likelihood = 0;
        foreach (IGrouping<int, (int Better, float Chosen, float Rejected)> stage in pairs.GroupBy(pair => pair.Better))
        {
            double[] terms = [0, .. stage.Select(pair => margin - (options.Beta * ((double)pair.Chosen - pair.Rejected)))];
            double largest = terms.Max();
            likelihood += largest + Math.Log(terms.Sum(term => Math.Exp(term - largest)));
        }

        PairLossOptions plain = options with { ScoreRegularization = 0, MarginRegularization = 0 };
        return likelihood + mean - pairs.Average(pair => BradleyTerryLoss.Of(pair.Chosen, pair.Rejected, margin, plain));
    }
}
