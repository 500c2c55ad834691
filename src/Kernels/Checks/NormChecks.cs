using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using static Rm.Kernels.Checks.OperationChecks;

namespace Rm.Kernels.Checks;

/// <summary>RMSNorm of rows and of heads, rotary embedding.</summary>
internal static class NormChecks
{
    private const float Epsilon = 1e-6f;
    private const int Hidden = 2048, Heads = 16, HeadDim = 128;

    public static IEnumerable<OperationCheck> All =>
    [
        .. OddShapes.Norms.Where(static s => s.Rows is 4 or 67).Select(static s => (s.Rows, s.Columns, false))
        .Append((RealTokens, Hidden, true))
            .SelectMany(Norm),
        .. OddShapes.HeadNorms.Where(static s => s.Rows is 5 or 19).Select(static s => (s.Rows, s.Heads, s.HeadDim, false))
            .Append((RealTokens, Heads, HeadDim, true)).SelectMany(HeadNorm),
        .. Rope(OddShapes.Layout(OddShapes.Layouts[^1].Groups), 3, 24, isReal: false),
        .. Rope(AttentionChecks.RealLayout, Heads, HeadDim, isReal: true),
    ];

    private static IEnumerable<OperationCheck> Norm((int Rows, int Columns, bool IsReal) s)
    {
        double elements = (double)s.Rows * s.Columns;
        string shape = $"[{s.Rows}, {s.Columns}]";
        yield return new(nameof(IBackend.RmsNormForward), shape, false, s.IsReal, 0, 2 * Narrow * elements, side =>
        {
            Tensor x = side.Input("x", s.Rows, s.Columns, scale: 3), w = side.Float("w", 1, s.Columns),
                y = side.Output("y", s.Rows, s.Columns);
            Tensor rstd = side.FloatOutput("rstd", 1, s.Rows);
            return () => side.Backend.RmsNormForward(new RmsNormForwardArgs(x, w, Epsilon, y, rstd));
        });
        yield return new(nameof(IBackend.RmsNormBackward), shape, false, s.IsReal, 0, 4 * Narrow * elements, side =>
        {
            Tensor x = side.Input("x", s.Rows, s.Columns, scale: 3), w = side.Float("w", 1, s.Columns),
                dy = side.Input("dy", s.Rows, s.Columns);
            Tensor residual = side.Input("d_residual", s.Rows, s.Columns), rstd = side.FloatOutput("rstd", 1, s.Rows);
            Tensor dx = side.Output("dx", s.Rows, s.Columns), dw = side.FloatInOut("dw", 1, s.Columns);
            side.Backend.RmsNormForward(new RmsNormForwardArgs(x, w, Epsilon, dx, rstd));
            return () => side.Backend.RmsNormBackward(new RmsNormBackwardArgs(dy, x, w, rstd, residual, dx, dw));
        });
    }

    private static IEnumerable<OperationCheck> HeadNorm((int Rows, int Heads, int HeadDim, bool IsReal) s)
    {
        int columns = s.Heads * s.HeadDim;
        double elements = (double)s.Rows * columns;
        string shape = $"[{s.Rows}, {s.Heads} x {s.HeadDim}]";
        yield return new(nameof(IBackend.HeadNormForward), shape, false, s.IsReal, 0, 2 * Narrow * elements, side =>
        {
            Tensor x = side.Input("x", s.Rows, columns, gap: 8), w = side.Float("w", 1, s.HeadDim),
                y = side.Output("y", s.Rows, columns, gap: 24);
            Tensor rstd = side.FloatOutput("rstd", s.Rows, s.Heads);
            return () => side.Backend.HeadNormForward(new HeadNormForwardArgs(x, w, Epsilon, y, rstd));
        });
        yield return new(nameof(IBackend.HeadNormBackward), shape, false, s.IsReal, 0, 3 * Narrow * elements, side =>
        {
            Tensor x = side.Input("x", s.Rows, columns, gap: 16), w = side.Float("w", 1, s.HeadDim), dy = side.Input("dy", s.Rows, columns);
            Tensor rstd = side.FloatOutput("rstd", s.Rows, s.Heads), dx = side.Output("dx", s.Rows, columns);
            Tensor dw = side.FloatInOut("dw", 1, s.HeadDim);
            side.Backend.HeadNormForward(new HeadNormForwardArgs(x, w, Epsilon, dx, rstd));
            return () => side.Backend.HeadNormBackward(new HeadNormBackwardArgs(dy, x, w, rstd, dx, dw));
        });
    }

    private static IEnumerable<OperationCheck> Rope(SequenceLayout layout, int heads, int headDim, bool isReal)
    {
        int tokens = layout.TokenCount;
        string shape = $"[{tokens}, {heads} x {headDim}]";
        float[] frequencies = [.. Enumerable.Range(0, headDim / 2).Select(i => (float)Math.Pow(1e6, -2.0 * i / headDim))];
        yield return new(nameof(IBackend.RopeTable), $"[{tokens}, {headDim}]", true, isReal, 0, Wide * tokens * headDim, side =>
        {
            PreparedLayout prepared = side.Prepare(layout);
            Tensor table = side.FloatOutput("cos_sin", tokens, headDim);
            return () => side.Backend.RopeTable(new RopeTableArgs(prepared, frequencies, table));
        });
        foreach (bool inverse in new[] { false, true })
        {
            yield return new(
                nameof(IBackend.RopeApply), shape + (inverse ? ", inverse" : ""), false, isReal, 0, 2 * Narrow * tokens * heads * headDim,
                side =>
                {
                    PreparedLayout prepared = side.Prepare(layout);
                    Tensor table = side.FloatOutput("cos_sin", tokens, headDim), x = side.InOut("x", tokens, heads * headDim, gap: 8);
                    side.Backend.RopeTable(new RopeTableArgs(prepared, frequencies, table));
                    return () => side.Backend.RopeApply(new RopeApplyArgs(x, table, inverse));
                });
        }
    }
}
