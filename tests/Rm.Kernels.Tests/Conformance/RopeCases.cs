using Rm.Kernels.Ops;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

internal static class RopeCases
{
    public static IEnumerable<OperationCase> All =>
    [
        .. new[] { 16, 24, 64, 80, 128 }.Select(d => new OperationCase($"rope_table D={d}", bench => Table(bench, Frequencies(d)))),
        new OperationCase("rope_table of some tokens, scaled and growing", bench =>
        {
            SequenceLayout layout = Layouts.Of([0, 1], [300, 40, 7]);
            float[] frequencies = Frequencies(24);
            GuardedTensor table = bench.Output("cos_sin", 301, 24);
            bench.Backend.RopeTable(new RopeTableArgs(bench.Prepare(layout), frequencies, table.View)
            {
                FirstToken = 3,
                Scale = 1.25f,
                Growth = 0.5f,
                GrowthLength = 16,
            });
            int[] positions = layout.Positions[3..304];
            bench.Check(
                table, RopeReference<double>.Table(positions, frequencies, 1.25, 0.5, 16),
                RopeReference<float>.Table(positions, frequencies, 1.25, 0.5, 16));
        }),
        new OperationCase(
            "rope_table of angles far beyond a turn", bench => Table(bench, [3e11f, 7e9f, 4.2e6f, 1.5e5f, 2000f, 31f, 0.5f, 1e-3f])),
        .. from shape in new[] { (3, 24, 8), (2, 96, 72), (4, 128, 32) }
           from inverse in new[] { false, true }
           select new OperationCase(
               $"rope_apply heads={shape.Item1} D={shape.Item2} rotated={shape.Item3} inverse={inverse}",
               bench => Apply(bench, shape.Item1, shape.Item3, inverse, shape.Item2)),
        .. from shape in new[] { (1, 16), (3, 24), (9, 64), (5, 80), (2, 128) }
           from inverse in new[] { false, true }
           select new OperationCase(
               $"rope_apply heads={shape.Item1} D={shape.Item2} inverse={inverse}", bench =>
                   Apply(bench, shape.Item1, shape.Item2, inverse)),
    ];

    private static void Table(OperationBench bench, float[] frequencies)
    {
        SequenceLayout layout = Layouts.Of([0, 1], [300, 40, 7], [5, 1, 1, 2]);
        GuardedTensor table = bench.Output("cos_sin", layout.TokenCount, 2 * frequencies.Length);
        bench.Backend.RopeTable(new RopeTableArgs(bench.Prepare(layout), frequencies, table.View));
        bench.Check(
            table, RopeReference<double>.Table(layout.Positions, frequencies), RopeReference<float>.Table(layout.Positions, frequencies));
    }

    private static void Apply(OperationBench bench, int heads, int rotated, bool inverse, int headDim = 0)
    {
        headDim = headDim == 0 ? rotated : headDim;
        SequenceLayout layout = Layouts.Of([0, 13], [30, 4, 7]);
        RealMatrix<double> x = bench.Activations(layout.TokenCount, heads * headDim);
        RealMatrix<double> table = RopeReference<double>.Table(layout.Positions, Frequencies(rotated))
            .Map((_, _, value) => GuardedTensor.Round(value, Tensors.DType.F32));
        GuardedTensor tensor = bench.InOut("x", x, bench.Activation, gap: 8);
        bench.Backend.RopeApply(new RopeApplyArgs(tensor.View, bench.Input("cos_sin", table), inverse) { HeadDim = headDim });
        bench.Check(
            tensor, RopeReference<double>.Apply(x, table, inverse, headDim),
            RopeReference<float>.Apply(x.To<float>(), table.To<float>(), inverse, headDim));
    }

    private static float[] Frequencies(int headDim) =>
        [.. Enumerable.Range(0, headDim / 2).Select(i => (float)Math.Pow(10000, -2.0 * i / headDim))];
}
