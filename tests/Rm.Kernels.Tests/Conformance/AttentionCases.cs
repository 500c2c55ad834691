using Rm.Kernels.Checks;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.References;

namespace Rm.Kernels.Tests.Conformance;

internal static class AttentionCases
{
    public static IEnumerable<OperationCase> All =>
    [
        .. from layout in OddShapes.Layouts
           from heads in new[] { (1, 1, 16), (3, 1, 24), (6, 2, 32) }
           from queries in new[] { "all", "last" }
           select Case(layout.Name, layout.Groups, heads, queries),
        .. from heads in new[] { (9, 3, 64), (7, 1, 80), (4, 2, 128), (14, 2, 64), (2, 2, 2), (3, 3, 8) }
           from queries in new[] { "all", "some" }
           select Case("mixed", OddShapes.Layouts[^1].Groups, heads, queries),
        .. from heads in new[] { (2, 1, 192), (4, 2, 256) }
           from queries in new[] { "all", "last" }
           select Case("many tails", OddShapes.Layouts[4].Groups, heads, queries),
        .. from window in new[] { 1, 5, 33, 64, 90, 200 }
           from heads in new[] { (3, 1, 24), (4, 2, 64), (2, 1, 128) }
           from queries in new[] { "all", "some", "last" }
           select Case("mixed", OddShapes.Layouts[^1].Groups, heads, queries, window),
        .. from window in new[] { 3, 70 }
           select Case("long", [[150, 70, 9], [0, 200], [30, 1, 100, 65]], (2, 1, 256), "all", window),
        .. from heads in new[] { (3, 1, 24), (4, 2, 64), (2, 1, 256) }
           from window in new[] { 0, 33 }
           select Case("capped", OddShapes.Layouts[^1].Groups, heads, "all", window, softcap: 1.5),
        new OperationCase("attention with scores far apart", bench => Run(bench, Layouts.Of([70, 9, 80]), (2, 1, 32), Layouts.AllRows, 12)),
    ];

    private static OperationCase Case(
        string name, int[][] groups, (int H, int G, int D) heads, string queries, int window = 0, double softcap = 0) => new(
        $"attention {name} H={heads.H} G={heads.G} D={heads.D} queries={queries} window={window} softcap={softcap}",
        bench => Run(bench, Layouts.Of(groups), heads, layout => queries switch
        {
            "all" => Layouts.AllRows(layout),
            "last" => layout.RewardRows,
            _ => [.. Layouts.AllRows(layout).Where(t => t % 3 == 1)],
        }, 1, window, softcap));

    private static void Run(
        OperationBench bench, SequenceLayout layout, (int H, int G, int D) heads, Func<SequenceLayout, int[]> pick, double queryScale,
        int window = 0, double softcap = 0)
    {
        int[] rows = pick(layout);
        int[]? queryRows = rows.Length == layout.TokenCount ? null : rows;
        float scale = (float)(1 / Math.Sqrt(heads.D));
        int wide = heads.H * heads.D;
        int narrow = heads.G * heads.D;
        RealMatrix<double> q = bench.Activations(rows.Length, wide, queryScale);
        RealMatrix<double> k = bench.Activations(layout.TokenCount, narrow);
        RealMatrix<double> v = bench.Activations(layout.TokenCount, narrow);
        RealMatrix<double> dO = bench.Activations(rows.Length, wide);
        PreparedLayout prepared = bench.Prepare(layout);
        Tensor qInput = bench.InputActivation("q", q, gap: 8);
        Tensor kInput = bench.InputActivation("k", k, gap: 16);
        Tensor vInput = bench.InputActivation("v", v, gap: 24);
        GuardedTensor o = bench.OutputActivation("o", rows.Length, wide, gap: 8);
        GuardedTensor lse = bench.Output("lse", rows.Length, heads.H);
        bench.Backend.AttentionForward(new AttentionForwardArgs(prepared, qInput, kInput, vInput, heads.D, scale, o.View, lse.View)
        {
            QueryRows = queryRows,
            Window = window,
            Softcap = (float)softcap,
        });
        RealMatrix<float> qf = q.To<float>(), kf = k.To<float>(), vf = v.To<float>();
        (RealMatrix<double> O, RealMatrix<double> Lse) expected =
            AttentionReference<double>.Forward(layout, rows, q, k, v, heads.D, scale, window, softcap);
        (RealMatrix<float> O, RealMatrix<float> Lse) naive =
            AttentionReference<float>.Forward(layout, rows, qf, kf, vf, heads.D, scale, window, softcap);
        bench.Check(o, expected.O, naive.O);
        bench.Check(lse, expected.Lse, naive.Lse);

        GuardedTensor dq = bench.OutputActivation("dq", rows.Length, wide, gap: 16);
        GuardedTensor dk = bench.OutputActivation("dk", layout.TokenCount, narrow, gap: 8);
        GuardedTensor dv = bench.OutputActivation("dv", layout.TokenCount, narrow, gap: 8);
        bench.Backend.AttentionBackward(new AttentionBackwardArgs(
            prepared, bench.InputActivation("do", dO), qInput, kInput, vInput, o.View, lse.View, heads.D, scale, dq.View, dk.View, dv.View,
            bench.Scratch)
        {
            QueryRows = queryRows,
            Window = window,
            Softcap = (float)softcap,
        });
        (RealMatrix<double> DQ, RealMatrix<double> DK, RealMatrix<double> DV) gradients =
            AttentionReference<double>.Backward(layout, rows, dO, q, k, v, heads.D, scale, window, softcap);
        (RealMatrix<float> DQ, RealMatrix<float> DK, RealMatrix<float> DV) naiveGradients =
            AttentionReference<float>.Backward(layout, rows, dO.To<float>(), qf, kf, vf, heads.D, scale, window, softcap);
        bench.Check(dq, gradients.DQ, naiveGradients.DQ);
        bench.Check(dk, gradients.DK, naiveGradients.DK);
        bench.Check(dv, gradients.DV, naiveGradients.DV);
    }
}
