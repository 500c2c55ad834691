using Rm.Kernels.Ops;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

internal static class RopeCases
{
    public static IEnumerable<OperationCase> All =>
    [
        .. new[] { 16, 24, 64, 80, 128 }.Select(d => new OperationCase($"rope_table D={d}", bench => Table(bench, d))),
        .. from shape in new[] { (1, 16), (3, 24), (9, 64), (5, 80), (2, 128) }
           from inverse in new[] { false, true }
           select new OperationCase(
               $"rope_apply heads={shape.Item1} D={shape.Item2} inverse={inverse}", bench => Apply(bench, shape.Item1, shape.Item2, inverse)),
    ];

    private static void Table(OperationBench bench, int headDim)
    {
        SequenceLayout layout = Layouts.Of([0, 1], [300, 40, 7], [5, 1, 1, 2]);
        float[] frequencies = Frequencies(headDim);
        GuardedTensor table = bench.Output("cos_sin", layout.TokenCount, headDim);
        bench.Backend.RopeTable(new RopeTableArgs(bench.Prepare(layout), frequencies, table.View));
        bench.Check(
            table, RopeReference<double>.Table(layout.Positions, frequencies), RopeReference<float>.Table(layout.Positions, frequencies));
    }

    private static void Apply(OperationBench bench, int heads, int headDim, bool inverse)
    {
        SequenceLayout layout = Layouts.Of([0, 13], [30, 4, 7]);
        RealMatrix<double> x = bench.Activations(layout.TokenCount, heads * headDim);
        RealMatrix<double> table = RopeReference<double>.Table(layout.Positions, Frequencies(headDim))
            .Map((_, _, value) => GuardedTensor.Round(value, Tensors.DType.F32));
        GuardedTensor tensor = bench.InOut("x", x, bench.Activation, gap: 8);
        bench.Backend.RopeApply(new RopeApplyArgs(tensor.View, bench.Input("cos_sin", table), inverse));
        bench.Check(
            tensor, RopeReference<double>.Apply(x, table, inverse), RopeReference<float>.Apply(x.To<float>(), table.To<float>(), inverse));
    }

    private static float[] Frequencies(int headDim) => [.. Enumerable.Range(0, headDim / 2).Select(i => (float)Math.Pow(10000, -2.0 * i / headDim))];
}
