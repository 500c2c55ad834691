using Rm.Kernels.Checks;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

/// <summary>Products of activations with a frozen weight at the edges of the tiles that backends cut them into.</summary>
internal static class LinearTileCases
{
    public static IEnumerable<OperationCase> All =>
    [
        .. from shape in OddShapes.LinearTiles
           from extras in new[] { false, true }
           select new OperationCase(
               $"linear tiles T={shape.Item1} Out={shape.Item2} In={shape.Item3}{(extras ? ", bias, residual, dx +=" : "")}",
               bench => Run(bench, shape.Item1, shape.Item2, shape.Item3, extras)),
    ];

    private static void Run(OperationBench bench, int rows, int outputs, int inputs, bool extras)
    {
        PreparedLayout layout = bench.Prepare(Layouts.Of([0, rows]));
        RealMatrix<double> x = bench.Activations(rows, inputs), dy = bench.Activations(rows, outputs);
        RealMatrix<double> w = bench.Activations(outputs, inputs, scale: 1 / Math.Sqrt(inputs));
        RealMatrix<double>? bias = extras ? bench.Numbers(1, outputs) : null;
        RealMatrix<double>? residual = extras ? bench.Activations(rows, outputs) : null;
        RealMatrix<double> dxBefore = bench.Activations(rows, inputs);
        LinearWeight weight = bench.FrozenWeight(w, needsInputGradient: true);
        Tensor xInput = bench.InputActivation("x", x, gap: 8);

        GuardedTensor y = bench.OutputActivation("y", rows, outputs, gap: 24);
        bench.Backend.LinearForward(new LinearForwardArgs(
            layout, xInput, weight, bias is null ? null : bench.Input("bias", bias),
            residual is null ? null : bench.InputActivation("residual", residual, gap: 16), null, null, y.View));
        bench.Check(
            y, LinearReference<double>.Forward(x, w, bias, residual, [], 1),
            LinearReference<float>.Forward(x.To<float>(), w.To<float>(), bias?.To<float>(), residual?.To<float>(), [], 1));

        GuardedTensor dx = extras ? bench.InOut("dx", dxBefore, bench.Activation) : bench.OutputActivation("dx", rows, inputs, gap: 8);
        bench.Backend.LinearBackward(new LinearBackwardArgs(
            layout, bench.InputActivation("dy", dy, gap: 8), xInput, weight, null, null, dx.View, extras, null, null, bench.Scratch));
        RealMatrix<double> expected = LinearReference<double>.InputGradient(dy, w, [], 1);
        RealMatrix<float> naive = LinearReference<float>.InputGradient(dy.To<float>(), w.To<float>(), [], 1);
        bench.Check(dx, extras ? expected.Plus(dxBefore) : expected, extras ? naive.Plus(dxBefore.To<float>()) : naive);
    }
}
