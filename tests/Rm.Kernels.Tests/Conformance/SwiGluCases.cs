using Rm.Kernels.Ops;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

internal static class SwiGluCases
{
    public static IEnumerable<OperationCase> All =>
    [
        .. from shape in new[] { (1, 8), (2, 13), (3, 40), (33, 1536) }
           from scale in new[] { 1.0, 40.0 }
           from activation in Enum.GetValues<GateActivation>()
           select new OperationCase(
               $"swiglu T={shape.Item1} F={shape.Item2} scale={scale} {activation}",
               bench => Run(bench, shape.Item1, shape.Item2, scale, activation)),
        .. from shape in new[] { (3, 40), (5, 13) }
           from gap in new[] { 8, 11 }
           select new OperationCase(
               $"swiglu T={shape.Item1} F={shape.Item2} gap={gap}",
               bench => Run(bench, shape.Item1, shape.Item2, 1, GateActivation.Silu, gap)),
    ];

    private static void Run(OperationBench bench, int rows, int columns, double scale, GateActivation activation, int gap = 0)
    {
        RealMatrix<double> gateUp = bench.Activations(rows, 2 * columns, scale);
        RealMatrix<double> dy = bench.Activations(rows, columns);
        GuardedTensor y = bench.OutputActivation("y", rows, columns);
        bench.Backend.SwiGluForward(new SwiGluForwardArgs(bench.InputActivation("gate_up", gateUp, gap), y.View) { Activation = activation });
        bench.Check(y, SwiGluReference<double>.Forward(gateUp, activation), SwiGluReference<float>.Forward(gateUp.To<float>(), activation));

        GuardedTensor dGateUp = bench.InOut("d_gate_up over gate_up", gateUp, bench.Activation, gap);
        bench.Backend.SwiGluBackward(new SwiGluBackwardArgs(bench.InputActivation("dy", dy), dGateUp.View, dGateUp.View)
        {
            Activation = activation,
        });
        bench.Check(
            dGateUp, SwiGluReference<double>.Backward(dy, gateUp, activation),
            SwiGluReference<float>.Backward(dy.To<float>(), gateUp.To<float>(), activation));
    }
}
