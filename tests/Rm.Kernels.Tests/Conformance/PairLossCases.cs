using Rm.Kernels.Ops;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

internal static class PairLossCases
{
    public static IEnumerable<OperationCase> All =>
    [
        .. from options in new[]
           {
               new PairLossOptions(), new PairLossOptions(Beta: 0.5f, LabelSmoothing: 0.05f),
               new PairLossOptions(2, 0.1f, ScoreRegularization: 0.01f, MarginRegularization: 0.02f),
           }
           from optional in new[] { false, true }
           from pairs in new[] { 1, 7, 300 }
           select new OperationCase(
               $"pair_loss N={pairs} beta={options.Beta} eps={options.LabelSmoothing} margins_and_weights={optional}",
               bench => Run(bench, pairs, options, optional, bench.Numbers(1, 2 * pairs, scale: 3))),
        new OperationCase("pair_loss of rewards far apart", bench => Run(
            bench, 3, new PairLossOptions(), false,
            new RealMatrix<double>(1, 6).Map((_, j, _) => new[] { 90, -90.0, -500, 500, 1e4, 1e4 }[j]))),
        new OperationCase("pair_loss without gradient", WithoutGradient),
    ];

    private static void Run(OperationBench bench, int pairs, PairLossOptions options, bool optional, RealMatrix<double> rewards)
    {
        RealMatrix<double> margins = optional ? bench.Numbers(1, pairs) : new RealMatrix<double>(1, pairs);
        RealMatrix<double> weights =
            (optional ? bench.Numbers(1, pairs) : new RealMatrix<double>(1, pairs)).Map((_, _, w) => optional ? Math.Abs(w) : 1);
        float normalizer = 1f / 11;
        GuardedTensor losses = bench.Output("losses", 1, pairs);
        GuardedTensor gradient = bench.Output("d_rewards", 1, 2 * pairs);
        bench.Backend.PairLoss(new PairLossArgs(
            bench.Input("rewards", rewards), optional ? bench.Input("margins", margins) : null, optional ? bench.Input("weights", weights)
                : null,
            options, normalizer, losses.View, gradient.View));
        RealMatrix<float> r = rewards.To<float>();
        RealMatrix<float> m = margins.To<float>();
        RealMatrix<float> w = weights.To<float>();
        bench.Check(
            losses, PairLossReference<double>.Losses(rewards, margins, weights, options, normalizer),
            PairLossReference<float>.Losses(r, m, w, options, normalizer));
        bench.Check(
            gradient, PairLossReference<double>.Gradient(rewards, margins, weights, options, normalizer),
            PairLossReference<float>.Gradient(r, m, w, options, normalizer));
    }

    private static void WithoutGradient(OperationBench bench)
    {
        RealMatrix<double> rewards = bench.Numbers(1, 6);
        var zeros = new RealMatrix<double>(1, 3);
        RealMatrix<double> ones = zeros.Map((_, _, _) => 1);
        GuardedTensor losses = bench.Output("losses", 1, 3);
        bench.Backend.PairLoss(new PairLossArgs(bench.Input("rewards", rewards), null, null, new PairLossOptions(), 1, losses.View, null));
        bench.Check(
            losses, PairLossReference<double>.Losses(rewards, zeros, ones, new PairLossOptions(), 1),
            PairLossReference<float>.Losses(rewards.To<float>(), zeros.To<float>(), ones.To<float>(), new PairLossOptions(), 1));
    }
}
