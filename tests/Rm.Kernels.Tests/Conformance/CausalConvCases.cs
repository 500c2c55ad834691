using Rm.Kernels.Ops;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

internal static class CausalConvCases
{
    public static IEnumerable<OperationCase> All =>
    [
        .. from columns in new[] { 1, 24, 77 }
           from width in new[] { 1, 3, 4, 8 }
           from trained in new[] { true, false }
           select new OperationCase(
               $"causal-conv N={columns} K={width} trained={trained}",
               bench => Run(bench, Layouts.Of([1, 2, 5], [0, 1], [2, 1], [0, 9], [4, 3, 1]), columns, width, trained)),
    ];

    private static void Run(OperationBench bench, SequenceLayout layout, int columns, int width, bool trained)
    {
        int tokens = layout.TokenCount;
        RealMatrix<double> x = bench.Activations(tokens, columns), w = bench.Numbers(columns, width),
            dy = bench.Activations(tokens, columns);
        PreparedLayout prepared = bench.Prepare(layout);
        GuardedTensor y = bench.OutputActivation("y", tokens, columns, gap: 8);
        Tensors.Tensor xIn = bench.InputActivation("x", x, gap: 8), wIn = bench.Input("w", w);
        bench.Backend.DeltaNets!.CausalConvForward(new CausalConvForwardArgs(prepared, xIn, wIn, y.View));
        bench.Check(
            y, CausalConvReference<double>.Forward(layout, x, w), CausalConvReference<float>.Forward(layout, x.To<float>(), w.To<float>()));

        RealMatrix<double> before = bench.Numbers(columns, width);
        GuardedTensor dx = bench.OutputActivation("dx", tokens, columns), dw = bench.InOut("dw", before);
        bench.Backend.DeltaNets!.CausalConvBackward(
            new CausalConvBackwardArgs(prepared, bench.InputActivation("dy", dy), xIn, wIn, dx.View, trained ? dw.View : null));
        (RealMatrix<double> dxTrue, RealMatrix<double> dwTrue) = CausalConvReference<double>.Backward(layout, dy, x, w);
        (RealMatrix<float> dxNaive, RealMatrix<float> dwNaive) =
            CausalConvReference<float>.Backward(layout, dy.To<float>(), x.To<float>(), w.To<float>());
        bench.Check(dx, dxTrue, dxNaive);
        bench.Check(
            dw, trained ? before.Plus(dwTrue) : before, trained ? before.To<float>().Plus(dwNaive) : before.To<float>());
    }
}
