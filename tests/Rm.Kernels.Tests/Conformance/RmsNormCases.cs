using Rm.Kernels.Checks;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

internal static class RmsNormCases
{
    private const float Epsilon = 1e-5f;

    public static IEnumerable<OperationCase> All =>
    [
        .. from shape in OddShapes.Norms
           from backward in new[] { false, true }
           select new OperationCase(
               $"rms_norm {(backward ? "backward" : "forward")} T={shape.Item1} C={shape.Item2}",
               bench => (backward ? (Action<OperationBench, int, int>)Backward : Forward)(bench, shape.Item1, shape.Item2)),
        new OperationCase("rms_norm backward frozen weight, in place, residual gradient in place", BackwardInPlace),
        .. from shape in OddShapes.HeadNorms
           from backward in new[] { false, true }
           select new OperationCase(
               $"head_norm {(backward ? "backward" : "forward")} T={shape.Item1} heads={shape.Item2} D={shape.Item3}",
               bench => (backward ? (Action<OperationBench, int, int, int>)HeadBackward : HeadForward)(
                   bench, shape.Item1, shape.Item2, shape.Item3)),
    ];

    private static void Forward(OperationBench bench, int rows, int columns)
    {
        RealMatrix<double> x = bench.Activations(rows, columns, scale: 3);
        RealMatrix<double> w = bench.Numbers(1, columns);
        GuardedTensor y = bench.OutputActivation("y", rows, columns);
        GuardedTensor rstd = bench.Output("rstd", 1, rows);
        bench.Backend.RmsNormForward(
            new RmsNormForwardArgs(bench.InputActivation("x", x), bench.Input("w", w), Epsilon, y.View, rstd.View));
        (RealMatrix<double> Y, RealMatrix<double> Rstd) expected = RmsNormReference<double>.Forward(x, w, Epsilon);
        (RealMatrix<float> Y, RealMatrix<float> Rstd) naive = RmsNormReference<float>.Forward(x.To<float>(), w.To<float>(), Epsilon);
        bench.Check(y, expected.Y, naive.Y);
        bench.Check(rstd, expected.Rstd.Reshape(1, rows), naive.Rstd.Reshape(1, rows));
    }

    private static void Backward(OperationBench bench, int rows, int columns)
    {
        RealMatrix<double> x = bench.Activations(rows, columns, scale: 3);
        RealMatrix<double> w = bench.Numbers(1, columns);
        RealMatrix<double> dy = bench.Activations(rows, columns);
        RealMatrix<double> residual = bench.Activations(rows, columns);
        RealMatrix<double> dwBefore = bench.Numbers(1, columns);
        RealMatrix<double> rstd = Rstd(x, w);
        GuardedTensor dx = bench.OutputActivation("dx", rows, columns);
        GuardedTensor dw = bench.InOut("dw", dwBefore);
        bench.Backend.RmsNormBackward(new RmsNormBackwardArgs(
            bench.InputActivation("dy", dy), bench.InputActivation("x", x), bench.Input("w", w), bench.Input("rstd", rstd.Reshape(1, rows)),
            bench.InputActivation("residual", residual), dx.View, dw.View));
        (RealMatrix<double> DX, RealMatrix<double> DW) expected = RmsNormReference<double>.Backward(dy, x, w, Epsilon);
        (RealMatrix<float> DX, RealMatrix<float> DW) naive =
            RmsNormReference<float>.Backward(dy.To<float>(), x.To<float>(), w.To<float>(), Epsilon);
        bench.Check(dx, expected.DX.Plus(residual), naive.DX.Plus(residual.To<float>()));
        bench.Check(dw, expected.DW.Plus(dwBefore), naive.DW.Plus(dwBefore.To<float>()));
    }

    private static void BackwardInPlace(OperationBench bench)
    {
        const int Rows = 9, Columns = 72;
        RealMatrix<double> x = bench.Activations(Rows, Columns);
        RealMatrix<double> w = bench.Numbers(1, Columns);
        RealMatrix<double> dy = bench.Activations(Rows, Columns);
        RealMatrix<double> residual = bench.Activations(Rows, Columns);
        Tensor xInput = bench.InputActivation("x", x);
        Tensor wInput = bench.Input("w", w);
        Tensor rstd = bench.Input("rstd", Rstd(x, w).Reshape(1, Rows));
        RealMatrix<double> expected = RmsNormReference<double>.Backward(dy, x, w, Epsilon).DX;
        RealMatrix<float> naive = RmsNormReference<float>.Backward(dy.To<float>(), x.To<float>(), w.To<float>(), Epsilon).DX;

        GuardedTensor overDY = bench.InOut("dx over dy", dy, bench.Activation);
        bench.Backend.RmsNormBackward(new RmsNormBackwardArgs(overDY.View, xInput, wInput, rstd, null, overDY.View, null));
        bench.Check(overDY, expected, naive);

        GuardedTensor overResidual = bench.InOut("dx over residual", residual, bench.Activation);
        bench.Backend.RmsNormBackward(new RmsNormBackwardArgs(
            bench.InputActivation("dy", dy), xInput, wInput, rstd, overResidual.View, overResidual.View, null));
        bench.Check(overResidual, expected.Plus(residual), naive.Plus(residual.To<float>()));
    }

    private static void HeadForward(OperationBench bench, int rows, int heads, int headDim)
    {
        RealMatrix<double> x = bench.Activations(rows, heads * headDim);
        RealMatrix<double> w = bench.Numbers(1, headDim);
        GuardedTensor y = bench.OutputActivation("y", rows, heads * headDim, gap: 24);
        GuardedTensor rstd = bench.Output("rstd", rows, heads);
        bench.Backend.HeadNormForward(new HeadNormForwardArgs(
            bench.InputActivation("x", x, gap: 8), bench.Input("w", w), Epsilon, y.View, rstd.View));
        RealMatrix<double> flat = x.Reshape(rows * heads, headDim);
        (RealMatrix<double> Y, RealMatrix<double> Rstd) expected = RmsNormReference<double>.Forward(flat, w, Epsilon);
        (RealMatrix<float> Y, RealMatrix<float> Rstd) naive = RmsNormReference<float>.Forward(flat.To<float>(), w.To<float>(), Epsilon);
        bench.Check(y, expected.Y.Reshape(rows, heads * headDim), naive.Y.Reshape(rows, heads * headDim));
        bench.Check(rstd, expected.Rstd.Reshape(rows, heads), naive.Rstd.Reshape(rows, heads));
    }

    private static void HeadBackward(OperationBench bench, int rows, int heads, int headDim)
    {
        RealMatrix<double> x = bench.Activations(rows, heads * headDim);
        RealMatrix<double> w = bench.Numbers(1, headDim);
        RealMatrix<double> dy = bench.Activations(rows, heads * headDim);
        RealMatrix<double> dwBefore = bench.Numbers(1, headDim);
        RealMatrix<double> flat = x.Reshape(rows * heads, headDim);
        RealMatrix<double> flatDY = dy.Reshape(rows * heads, headDim);
        GuardedTensor dx = bench.InOut("dx over dy", dy, bench.Activation, gap: 8);
        GuardedTensor dw = bench.InOut("dw", dwBefore);
        bench.Backend.HeadNormBackward(new HeadNormBackwardArgs(
            dx.View, bench.InputActivation("x", x, gap: 16), bench.Input("w", w), bench.Input("rstd", Rstd(flat, w).Reshape(rows, heads)),
            dx.View, dw.View));
        (RealMatrix<double> DX, RealMatrix<double> DW) expected = RmsNormReference<double>.Backward(flatDY, flat, w, Epsilon);
        (RealMatrix<float> DX, RealMatrix<float> DW) naive =
            RmsNormReference<float>.Backward(flatDY.To<float>(), flat.To<float>(), w.To<float>(), Epsilon);
        bench.Check(dx, expected.DX.Reshape(rows, heads * headDim), naive.DX.Reshape(rows, heads * headDim));
        bench.Check(dw, expected.DW.Plus(dwBefore), naive.DW.Plus(dwBefore.To<float>()));
    }

    private static RealMatrix<double> Rstd(RealMatrix<double> x, RealMatrix<double> w) =>
        RmsNormReference<double>.Forward(x, w, Epsilon).Rstd;
}
