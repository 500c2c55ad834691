using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using static Rm.Kernels.Checks.OperationChecks;

namespace Rm.Kernels.Checks;

/// <summary>Operations that move rows, and SwiGLU.</summary>
internal static class RowChecks
{
    private const int Hidden = 2048, Intermediate = 11008;

    public static IEnumerable<OperationCheck> All =>
    [
        .. Shapes((13, 72), (RealTokens, Hidden)).Select(s => Check(
            nameof(IBackend.Fill), s, Narrow, side =>
            {
                Tensor y = side.Output("y", s.Rows, s.Columns, gap: 8);
                return () => side.Backend.Fill(y, 1.5f);
            })),
        .. Shapes((13, 72), (RealTokens, Hidden)).Select(s => Check(
            nameof(IBackend.Copy), s, 2 * Narrow, side =>
            {
                Tensor x = side.Input("x", s.Rows, s.Columns), y = side.Output("y", s.Rows, s.Columns);
                return () => side.Backend.Copy(x, y);
            })),
        .. Shapes((13, 72), (RealTokens, Hidden)).SelectMany(Columns),
        .. Shapes((0, 72), (RealTokens, Hidden)).SelectMany(Embedding),
        .. Shapes((13, 72), (RealTokens, Hidden)).SelectMany(GatherScatter),
        .. Shapes((3, 24), (67, 200), (RealTokens, Intermediate)).SelectMany(SwiGlu),
    ];

    private static IEnumerable<(int Rows, int Columns, bool IsReal)> Shapes(params (int Rows, int Columns)[] shapes) =>
        shapes.Select((shape, i) => (shape.Rows, shape.Columns, i == shapes.Length - 1));

    private static OperationCheck Check(
        string operation, (int Rows, int Columns, bool IsReal) s, double bytesEach, Func<CheckSide, Action> prepare) =>
        new(operation, $"[{s.Rows}, {s.Columns}]", IsSingle: false, s.IsReal, 0, bytesEach * s.Rows * s.Columns, prepare);

    private static IEnumerable<OperationCheck> Columns((int Rows, int Columns, bool IsReal) s)
    {
        yield return Check(nameof(IBackend.ScaleAdd), s, 3 * Narrow, side =>
        {
            Tensor x = side.Input("x", s.Rows, s.Columns, gap: 8), z = side.Input("z", s.Rows, s.Columns),
                y = side.Output("y", s.Rows, s.Columns);
            Tensor scale = side.Float("column_scale", 1, s.Columns).Reshape(new Shape(s.Columns)),
                bias = side.Float("bias", 1, s.Columns).Reshape(new Shape(s.Columns));
            return () => side.Backend.ScaleAdd(new ScaleAddArgs(x, 1.5f, z, y) { ColumnScale = scale, Bias = bias });
        });
        yield return Check(nameof(IBackend.ColumnDot), s, 2 * Narrow, side =>
        {
            Tensor a = side.Input("a", s.Rows, s.Columns, gap: 8), b = side.Input("b", s.Rows, s.Columns),
                sums = side.FloatInOut("sums", 1, s.Columns);
            return () => side.Backend.ColumnDot(new ColumnDotArgs(a, b, sums.Reshape(new Shape(s.Columns))));
        });
    }

    private static IEnumerable<OperationCheck> Embedding((int Rows, int Columns, bool IsReal) s)
    {
        SequenceLayout layout = s.IsReal ? AttentionChecks.RealLayout : OddShapes.Layout([[0, 1], [61, 5, 9], [0, 17]]);
        (int rows, int columns) = (layout.TokenCount, s.Columns);
        yield return Check(nameof(IBackend.EmbeddingForward), s with { Rows = rows }, Wide + Narrow, side =>
        {
            Tensor table = side.Float("table", OddShapes.Vocabulary, columns), x = side.Output("x", rows, columns);
            PreparedLayout prepared = side.Prepare(layout);
            return () => side.Backend.EmbeddingForward(new EmbeddingForwardArgs(prepared, table, x));
        });
        yield return Check(nameof(IBackend.EmbeddingBackward), s with { Rows = rows }, Narrow, side =>
        {
            Tensor dx = side.Input("dx", rows, columns), table = side.FloatInOut("d_table", OddShapes.Vocabulary, columns);
            PreparedLayout prepared = side.Prepare(layout);
            return () => side.Backend.EmbeddingBackward(new EmbeddingBackwardArgs(prepared, dx, table));
        });
    }

    private static IEnumerable<OperationCheck> GatherScatter((int Rows, int Columns, bool IsReal) s)
    {
        int[] rows = s.IsReal ? [.. Enumerable.Range(0, s.Rows / 2).Select(static i => (2 * i) + 1)] : [7, 0, 12, 3];
        (int Rows, int Columns, bool IsReal) few = s with { Rows = rows.Length };
        yield return Check(nameof(IBackend.GatherRows), few, 2 * Narrow, side =>
        {
            Tensor x = side.Input("x", s.Rows, s.Columns, gap: 8), y = side.Output("y", rows.Length, s.Columns);
            return () => side.Backend.GatherRows(new GatherRowsArgs(x, rows, y));
        });
        yield return Check(nameof(IBackend.ScatterAddRows), few, 3 * Narrow, side =>
        {
            Tensor x = side.Input("x", rows.Length, s.Columns), y = side.InOut("y", s.Rows, s.Columns, gap: 8);
            return () => side.Backend.ScatterAddRows(new ScatterAddRowsArgs(x, rows, y));
        });
    }

    private static IEnumerable<OperationCheck> SwiGlu((int Rows, int Columns, bool IsReal) s)
    {
        yield return Check(nameof(IBackend.SwiGluForward), s, 3 * Narrow, side =>
        {
            Tensor x = side.Input("gate_up", s.Rows, 2 * s.Columns, scale: 3), y = side.Output("y", s.Rows, s.Columns);
            return () => side.Backend.SwiGluForward(new SwiGluForwardArgs(x, y));
        });
        yield return Check(nameof(IBackend.SwiGluBackward), s, 5 * Narrow, side =>
        {
            Tensor x = side.Input("gate_up", s.Rows, 2 * s.Columns, scale: 3), dy = side.Input("dy", s.Rows, s.Columns);
            Tensor dx = side.Output("d_gate_up", s.Rows, 2 * s.Columns);
            return () => side.Backend.SwiGluBackward(new SwiGluBackwardArgs(dy, x, dx));
        });
    }
}
