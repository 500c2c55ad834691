using Rm.Kernels.Ops;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

internal static class SwiGluCases
{
    public static IEnumerable<OperationCase> All =>
    [
        .. from shape in new[] { (1, 8), (2, 13), (3, 40), (33, 1536) }
           from scale in new[] { 1.0, 40.0 }
           select new OperationCase($"swiglu T={shape.Item1} F={shape.Item2} scale={scale}", bench => Run(bench, shape.Item1, shape.Item2, scale)),
    ];

    private static void Run(OperationBench bench, int rows, int columns, double scale)
    {
        RealMatrix<double> gateUp = bench.Activations(rows, 2 * columns, scale);
        RealMatrix<double> dy = bench.Activations(rows, columns);
        GuardedTensor y = bench.OutputActivation("y", rows, columns);
        bench.Backend.SwiGluForward(new SwiGluForwardArgs(bench.InputActivation("gate_up", gateUp), y.View));
        bench.Check(y, SwiGluReference<double>.Forward(gateUp), SwiGluReference<float>.Forward(gateUp.To<float>()));

        GuardedTensor dGateUp = bench.InOut("d_gate_up over gate_up", gateUp, bench.Activation);
        bench.Backend.SwiGluBackward(new SwiGluBackwardArgs(bench.InputActivation("dy", dy), dGateUp.View, dGateUp.View));
        bench.Check(dGateUp, SwiGluReference<double>.Backward(dy, gateUp), SwiGluReference<float>.Backward(dy.To<float>(), gateUp.To<float>()));
    }
}
