using Rm.Kernels.Ops;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

internal static class SigmoidGateCases
{
    public static IEnumerable<OperationCase> All =>
    [
        .. from shape in new[] { (1, 8), (2, 13), (5, 40), (33, 256) }
           from gap in new[] { 0, 8 }
           select new OperationCase(
               $"sigmoid-gate R={shape.Item1} C={shape.Item2} gap={gap}", bench => Run(bench, shape.Item1, shape.Item2, gap)),
    ];

    private static void Run(OperationBench bench, int rows, int columns, int gap)
    {
        RealMatrix<double> x = bench.Activations(rows, columns), gate = bench.Activations(rows, columns, 3),
            dy = bench.Activations(rows, columns);
        GuardedTensor y = bench.InOut("y over x", x, bench.Activation, gap);
        bench.Backend.DeltaNets!.SigmoidGateForward(new SigmoidGateForwardArgs(y.View, bench.InputActivation("gate", gate, gap), y.View));
        bench.Check(y, SigmoidGateReference<double>.Forward(x, gate), SigmoidGateReference<float>.Forward(x.To<float>(), gate.To<float>()));

        GuardedTensor dx = bench.InOut("dx over dy", dy, bench.Activation, gap),
            dGate = bench.InOut("dgate over gate", gate, bench.Activation, gap);
        bench.Backend.DeltaNets!.SigmoidGateBackward(
            new SigmoidGateBackwardArgs(dx.View, bench.InputActivation("x", x, gap), dGate.View, dx.View, dGate.View));
        (RealMatrix<double> dxTrue, RealMatrix<double> dGateTrue) = SigmoidGateReference<double>.Backward(dy, x, gate);
        (RealMatrix<float> dxNaive, RealMatrix<float> dGateNaive) =
            SigmoidGateReference<float>.Backward(dy.To<float>(), x.To<float>(), gate.To<float>());
        bench.Check(dx, dxTrue, dxNaive);
        bench.Check(dGate, dGateTrue, dGateNaive);
    }
}
