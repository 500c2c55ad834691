using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using static Rm.Kernels.Checks.OperationChecks;

namespace Rm.Kernels.Checks;

/// <summary>Attention over prefixes and tails.</summary>
internal static class AttentionChecks
{
    /// <summary>Pairs of about the lengths of SHP: a long prompt and two answers, 8192 tokens of them.</summary>
    public static SequenceLayout RealLayout { get; } = OddShapes.Layout(
        [.. Enumerable.Range(0, 16).Select(static i => new[] { 200 + (10 * i), 60 + (7 * i), 177 - (17 * i / 2) }), .. LastGroup()]);

    public static IEnumerable<OperationCheck> All =>
    [
        .. Checks("one-token tails", OddShapes.Layout(OddShapes.Layouts[2].Groups), (3, 1, 24), lastRows: false, isReal: false),
        .. Checks("many tails", OddShapes.Layout(OddShapes.Layouts[4].Groups), (6, 2, 32), lastRows: true, isReal: false),
        .. Checks("mixed", OddShapes.Layout(OddShapes.Layouts[6].Groups), (4, 2, 64), lastRows: false, isReal: false),
        .. Checks("many tails", OddShapes.Layout(OddShapes.Layouts[4].Groups), (4, 2, 128), lastRows: false, isReal: false),
        .. Checks("pairs", RealLayout, (16, 2, 128), lastRows: false, isReal: true),
        .. Checks("pairs", RealLayout, (16, 2, 128), lastRows: true, isReal: true),
        .. Checks("pairs", RealLayout, (14, 2, 64), lastRows: false, isReal: true),
    ];

    /// <summary>Query and key pairs that attention computes: every token with its prefix and with what came before it.</summary>
    public static double VisiblePairs(SequenceLayout layout, IReadOnlyCollection<int>? queryRows = null) => layout.Segments.Sum(segment =>
        queryRows is null
            ? (segment.Length * (double)segment.PrefixLength) + (segment.Length * (segment.Length + 1.0) / 2)
            : queryRows.Where(row => row >= segment.Start && row < segment.Start + segment.Length)
                .Sum(row => segment.PrefixLength + row - segment.Start + 1.0));

    // What the 16 groups leave of 8192 tokens, as one sequence without a partner.
    private static int[][] LastGroup()
    {
        int used = Enumerable.Range(0, 16).Sum(static i => 200 + (10 * i) + 60 + (7 * i) + 177 - (17 * i / 2));
        return [[0, RealTokens - used]];
    }

    private static IEnumerable<OperationCheck> Checks(
        string name, SequenceLayout layout, (int H, int G, int D) heads, bool lastRows, bool isReal)
    {
        int[]? queryRows = lastRows ? layout.RewardRows : null;
        int tokens = layout.TokenCount, rows = queryRows?.Length ?? tokens, wide = heads.H * heads.D, narrow = heads.G * heads.D;
        float scale = (float)(1 / Math.Sqrt(heads.D));
        string shape = $"T={tokens} {name}, {heads.H}/{heads.G} heads of {heads.D}{(lastRows ? ", reward rows" : "")}";
        double flops = 4.0 * heads.D * heads.H * VisiblePairs(layout, queryRows);
        double q = (double)rows * wide * Narrow, kv = 2.0 * tokens * narrow * Narrow;
        yield return new(nameof(IBackend.AttentionForward), shape, false, isReal, flops, (2 * q) + kv, side =>
        {
            AttentionForwardArgs forward = Forward(side, side.Output("o", rows, wide, gap: 8));
            return () => side.Backend.AttentionForward(forward);
        });
        yield return new(nameof(IBackend.AttentionBackward), shape, false, isReal, 2.5 * flops, (4 * q) + (2 * kv), side =>
        {
            AttentionForwardArgs forward = Forward(side, side.Output("o", rows, wide, gap: 8));
            side.Backend.AttentionForward(forward);
            Tensor dO = side.Input("do", rows, wide), dq = side.Output("dq", rows, wide, gap: 16);
            Tensor dk = side.Output("dk", tokens, narrow, gap: 8), dv = side.Output("dv", tokens, narrow, gap: 8);
            return () => side.Backend.AttentionBackward(new AttentionBackwardArgs(
                forward.Layout, dO, forward.Q, forward.K, forward.V, forward.O, forward.Lse, heads.D, scale, dq, dk, dv, side.Scratch)
            {
                QueryRows = queryRows,
            });
        });

        AttentionForwardArgs Forward(CheckSide side, Tensor o) => new(
            side.Prepare(layout), side.Input("q", rows, wide, gap: 8), side.Input("k", tokens, narrow, gap: 16),
            side.Input("v", tokens, narrow, gap: 24), heads.D, scale, o, side.FloatOutput("lse", rows, heads.H))
        {
            QueryRows = queryRows,
        };
    }
}
