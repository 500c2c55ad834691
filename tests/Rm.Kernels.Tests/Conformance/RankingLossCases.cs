using Rm.Kernels.Ops;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

internal static class RankingLossCases
{
    // Full orders, ties within one, one best answer among many, and pairs.
    private static readonly int[][] Ranks = [[0, 1], [3, 1, 2, 0], [0, 0, 1, 2, 2], [1, 0, 1, 1], [2, 1]];

    private static readonly PairLossOptions Regularized = new(2, 0, ScoreRegularization: 0.01f, MarginRegularization: 0.02f);

    public static IEnumerable<OperationCase> All =>
    [
        .. from kind in Enum.GetValues<RankingLossKind>()
           from options in new[] { new PairLossOptions(), new PairLossOptions(0.5f), Regularized, Regularized with { LabelSmoothing = 0.1f } }
           where kind == RankingLossKind.Pairwise || options.LabelSmoothing == 0
           from optional in new[] { false, true }
           select new OperationCase(
               $"ranking_loss {kind} beta={options.Beta} eps={options.LabelSmoothing} margins_and_weights={optional}",
               bench => Run(bench, Of(Ranks), kind, options, optional, bench.Numbers(1, Ranks.Sum(r => r.Length), scale: 3))),
        .. from kind in Enum.GetValues<RankingLossKind>()
           from answers in new[] { 9, 70 }
           select new OperationCase(
               $"ranking_loss {kind} K={answers}",
               bench => Run(
                   bench, Of([[.. Enumerable.Range(0, answers)], [.. Enumerable.Range(0, answers).Select(i => i % 7)]]), kind, Regularized,
                   optional: true, bench.Numbers(1, 2 * answers, scale: 2))),
        .. from kind in Enum.GetValues<RankingLossKind>()
           select new OperationCase($"ranking_loss {kind} of rewards far apart", bench => Run(
               bench, Of([[0, 1, 2, 3]]), kind, new PairLossOptions(), false,
               new RealMatrix<double>(1, 4).Map((_, j, _) => new[] { -600, 90, 500, 1e4 }[j]))),
        .. from kind in Enum.GetValues<RankingLossKind>()
           select new OperationCase($"ranking_loss {kind} of pairs is pair_loss", bench => Pairs(bench, kind)),
    ];

    /// <summary>Rankings by the ranks of their answers, the smaller the better; equal ones are not compared.</summary>
    public static RankingLayout Of(int[][] ranks)
    {
        List<int> answers = [0], starts = [0], pairs = [];
        foreach (int[] of in ranks)
        {
            for (int better = 0; better < of.Length; better++)
            {
                for (int worse = 0; worse < of.Length; worse++)
                {
                    if (of[better] < of[worse])
                    {
                        pairs.AddRange([answers[^1] + better, answers[^1] + worse]);
                    }
                }
            }

            answers.Add(answers[^1] + of.Length);
            starts.Add(pairs.Count / 2);
        }

        return new RankingLayout([.. answers], [.. starts], [.. pairs]);
    }

    private static void Run(
        OperationBench bench, RankingLayout rankings, RankingLossKind kind, PairLossOptions options, bool optional,
        RealMatrix<double> rewards)
    {
        RealMatrix<double> margins = optional ? bench.Numbers(1, rankings.Count) : new RealMatrix<double>(1, rankings.Count);
        RealMatrix<double> weights = (optional ? bench.Numbers(1, rankings.Count) : margins).Map((_, _, w) => optional ? Math.Abs(w) : 1);
        float normalizer = 1f / 11;
        GuardedTensor losses = bench.Output("losses", 1, rankings.Count);
        GuardedTensor gradient = bench.Output("d_rewards", 1, rankings.Answers);
        bench.Backend.RankingLoss(new RankingLossArgs(
            bench.Input("rewards", rewards), rankings, kind, optional ? bench.Input("margins", margins) : null,
            optional ? bench.Input("weights", weights) : null, options, normalizer, losses.View, gradient.View));
        RealMatrix<float> r = rewards.To<float>(), m = margins.To<float>(), w = weights.To<float>();
        bench.Check(
            losses, RankingLossReference<double>.Losses(rewards, rankings, kind, margins, weights, options, normalizer),
            RankingLossReference<float>.Losses(r, rankings, kind, m, w, options, normalizer));
        bench.Check(
            gradient, RankingLossReference<double>.Gradient(rewards, rankings, kind, margins, weights, options, normalizer),
            RankingLossReference<float>.Gradient(r, rankings, kind, m, w, options, normalizer));
    }

    // To the bit, whatever the constants.
    private static void Pairs(OperationBench bench, RankingLossKind kind)
    {
        const int Count = 200;
        RealMatrix<double> rewards = bench.Numbers(1, 2 * Count, scale: 3);
        RealMatrix<double> margins = bench.Numbers(1, Count), weights = bench.Numbers(1, Count).Map((_, _, w) => Math.Abs(w));
        PairLossOptions options = new(1.7f, kind == RankingLossKind.Pairwise ? 0.1f : 0, 0.013f, 0.021f);
        GuardedTensor losses = bench.Output("losses", 1, Count), gradient = bench.Output("d_rewards", 1, 2 * Count);
        GuardedTensor pairLosses = bench.Output("pair losses", 1, Count), pairGradient = bench.Output("pair d_rewards", 1, 2 * Count);
        bench.Backend.PairLoss(new PairLossArgs(
            bench.Input("rewards", rewards), bench.Input("margins", margins), bench.Input("weights", weights), options, 1f / 7,
            pairLosses.View, pairGradient.View));
        bench.Backend.RankingLoss(new RankingLossArgs(
            bench.Input("rewards", rewards), Of([.. Enumerable.Repeat(new[] { 0, 1 }, Count)]), kind, bench.Input("margins", margins),
            bench.Input("weights", weights), options, 1f / 7, losses.View, gradient.View));
        bench.Backend.Synchronize();
        Assert.Equal(Bits(pairLosses), Bits(losses));
        Assert.Equal(Bits(pairGradient), Bits(gradient));
    }

    private static long[] Bits(GuardedTensor tensor) => Array.ConvertAll(tensor.Read().Values.ToArray(), BitConverter.DoubleToInt64Bits);
}
