using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

/// <summary>Embedding, gather, scatter, fill and copy: operations that move rows.</summary>
internal static class RowCases
{
    public static IEnumerable<OperationCase> All =>
    [
        .. new[] { 8, 72, 576 }.Select(c => new OperationCase($"embedding C={c}", bench => Embedding(bench, c))),
        .. new[] { 8, 13, 72, 576 }.Select(c => new OperationCase($"gather_scatter C={c}", bench => GatherScatter(bench, c))),
        new OperationCase("fill and copy of strided rows", FillAndCopy),
    ];

    private static void Embedding(OperationBench bench, int columns)
    {
        SequenceLayout layout = Layouts.Of([0, 1], [61, 5, 9], [0, 17]);
        RealMatrix<double> table = bench.Activations(50, columns);
        PreparedLayout prepared = bench.Prepare(layout);
        GuardedTensor x = bench.OutputActivation("x", layout.TokenCount, columns);
        bench.Backend.EmbeddingForward(new EmbeddingForwardArgs(prepared, bench.InputActivation("table", table), x.View));
        RealMatrix<double> expected = table.TakeRows(layout.Tokens);
        bench.Check(x, expected, expected.To<float>());

        // A table under training is float32, whatever the activations are.
        GuardedTensor rounded = bench.OutputActivation("rounded", layout.TokenCount, columns);
        bench.Backend.EmbeddingForward(new EmbeddingForwardArgs(prepared, bench.Input("trained", table), rounded.View));
        bench.Check(rounded, expected, expected.To<float>());

        RealMatrix<double> dx = bench.Activations(layout.TokenCount, columns);
        RealMatrix<double> before = bench.Numbers(50, columns);
        GuardedTensor dTable = bench.InOut("d_table", before);
        bench.Backend.EmbeddingBackward(new EmbeddingBackwardArgs(prepared, bench.InputActivation("dx", dx), dTable.View));
        RealMatrix<double> gradient = before.Copy();
        RealMatrix<float> naive = before.To<float>();
        for (int t = 0; t < layout.TokenCount; t++)
        {
            for (int c = 0; c < columns; c++)
            {
                gradient[layout.Tokens[t], c] += dx[t, c];
                naive[layout.Tokens[t], c] += (float)dx[t, c];
            }
        }

        bench.Check(dTable, gradient, naive);
    }

    private static void GatherScatter(OperationBench bench, int columns)
    {
        int[] rows = [7, 0, 12, 3];
        RealMatrix<double> x = bench.Activations(13, columns);
        GuardedTensor y = bench.OutputActivation("y", rows.Length, columns);
        bench.Backend.GatherRows(new GatherRowsArgs(bench.InputActivation("x", x, gap: 8), rows, y.View));
        bench.Check(y, x.TakeRows(rows), x.TakeRows(rows).To<float>());

        RealMatrix<double> dy = bench.Activations(rows.Length, columns);
        GuardedTensor dx = bench.InOut("dx", x, bench.Activation, gap: 8);
        bench.Backend.ScatterAddRows(new ScatterAddRowsArgs(bench.InputActivation("dy", dy), rows, dx.View));
        RealMatrix<double> expected = x.Map((i, j, value) => Array.IndexOf(rows, i) is var at and >= 0 ? value + dy[at, j] : value);
        bench.Check(dx, expected, expected.To<float>());
    }

    private static void FillAndCopy(OperationBench bench)
    {
        RealMatrix<double> x = bench.Activations(5, 24);
        GuardedTensor copy = bench.OutputActivation("copy", 5, 24, gap: 16);
        bench.Backend.Copy(bench.InputActivation("x", x, gap: 8), copy.View);
        bench.Check(copy, x, x.To<float>());

        GuardedTensor filled = bench.Output("filled", 5, 24, gap: 8);
        bench.Backend.Fill(filled.View, 0.375f);
        bench.Check(filled, x.Map((_, _, _) => 0.375), x.To<float>().Map((_, _, _) => 0.375f));
        GuardedTensor activation = bench.OutputActivation("activation", 5, 24, gap: 8);
        bench.Backend.Fill(activation.View, -0.375f);
        bench.Check(activation, x.Map((_, _, _) => -0.375), x.To<float>().Map((_, _, _) => -0.375f));
        Assert.Throws<ArgumentException>(
            () => bench.Backend.Copy(copy.View, bench.Backend.AllocatePersistent(DType.F32, new Shape(24, 5))));
    }
}
