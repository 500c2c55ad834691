using Rm.Kernels.Ops;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

internal static class RewardHeadCases
{
    public static IEnumerable<OperationCase> All =>
    [
        .. from shape in new[] { (1, 8), (2, 576), (13, 200) }
           select new OperationCase($"reward_head R={shape.Item1} C={shape.Item2}", bench => Run(bench, shape.Item1, shape.Item2)),
    ];

    private static void Run(OperationBench bench, int rows, int columns)
    {
        RealMatrix<double> x = bench.Activations(rows, columns);
        RealMatrix<double> w = bench.Numbers(1, columns);
        RealMatrix<double> d = bench.Numbers(1, rows);
        RealMatrix<double> before = bench.Numbers(1, columns);
        GuardedTensor rewards = bench.Output("rewards", 1, rows);
        bench.Backend.RewardHeadForward(new RewardHeadForwardArgs(bench.InputActivation("x", x), bench.Input("w", w), rewards.View));
        bench.Check(
            rewards, LinearReference<double>.Product(w, false, x, true),
            LinearReference<float>.Product(w.To<float>(), false, x.To<float>(), true));

        GuardedTensor dx = bench.OutputActivation("dx", rows, columns);
        GuardedTensor dw = bench.InOut("dw", before);
        bench.Backend.RewardHeadBackward(new RewardHeadBackwardArgs(
            bench.Input("d_rewards", d), bench.InputActivation("x", x), bench.Input("w", w), dx.View, dw.View));
        bench.Check(
            dx, LinearReference<double>.Product(d, true, w, false),
            LinearReference<float>.Product(d.To<float>(), true, w.To<float>(), false));
        bench.Check(
            dw, LinearReference<double>.Product(d, false, x, false).Plus(before),
            LinearReference<float>.Product(d.To<float>(), false, x.To<float>(), false).Plus(before.To<float>()));

        GuardedTensor frozen = bench.OutputActivation("dx, frozen head", rows, columns);
        bench.Backend.RewardHeadBackward(new RewardHeadBackwardArgs(
            bench.Input("d_rewards", d), bench.InputActivation("x", x), bench.Input("w", w), frozen.View, null));
        bench.Check(
            frozen, LinearReference<double>.Product(d, true, w, false),
            LinearReference<float>.Product(d.To<float>(), true, w.To<float>(), false));
    }
}
