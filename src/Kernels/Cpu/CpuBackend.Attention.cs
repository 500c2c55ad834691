using Rm.Kernels.Cpu.Attention;
using Rm.Kernels.Ops;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void AttentionForward(AttentionForwardArgs args)
    {
        CpuPreparedLayout layout = Own(args.Layout);
        var q = F32View.Of(args.Q, args.QueryRows?.Length ?? layout.Layout.TokenCount, args.Q.Columns, nameof(args.Q));
        var k = F32View.Of(args.K, layout.Layout.TokenCount, args.K.Columns, nameof(args.K));
        var v = F32View.Of(args.V, k.Rows, k.Columns, nameof(args.V));
        var problem = new AttentionProblem(layout, args.QueryRows, q, k, v, args.HeadDim, args.Scale, args.Window, args.Softcap);
        var o = F32View.Of(args.O, q.Rows, q.Columns, nameof(args.O));
        var lse = F32View.Of(args.Lse, q.Rows, q.Columns / args.HeadDim, nameof(args.Lse));

        float* keysTransposed = _workspace.Floats(problem.PackedCount + problem.PaddedCount);
        float* values = keysTransposed + problem.PackedCount;
        ForKeyBlocks(problem, (group, segment, block) =>
        {
            AttentionPacking.Transpose(problem, k, keysTransposed, group, segment, block);
            AttentionPacking.CopyRows(problem, v, values, group, segment, block);
        });

        // Backwards, since a segment's late queries see most keys and should not be what the other threads wait for.
        int items = problem.Queries.Blocks.Length * problem.Groups;
        _threads.For(items, item =>
        {
            int reversed = items - 1 - item;
            AttentionForwardTile.Run(
                problem, keysTransposed, values, reversed / problem.Groups, reversed % problem.Groups, o, lse);
        });
    }

    /// <inheritdoc/>
    public void AttentionBackward(AttentionBackwardArgs args)
    {
        CpuPreparedLayout layout = Own(args.Layout);
        var q = F32View.Of(args.Q, args.QueryRows?.Length ?? layout.Layout.TokenCount, args.Q.Columns, nameof(args.Q));
        var k = F32View.Of(args.K, layout.Layout.TokenCount, args.K.Columns, nameof(args.K));
        var v = F32View.Of(args.V, k.Rows, k.Columns, nameof(args.V));
        var problem = new AttentionProblem(layout, args.QueryRows, q, k, v, args.HeadDim, args.Scale, args.Window, args.Softcap);

        float* workspace = _workspace.Floats(AttentionProblem.BackwardFloats(problem.Keys.PaddedRows, problem.Groups, args.HeadDim));
        float* keyRows = workspace + (2 * problem.PackedCount);
        var buffers = new AttentionBackwardBuffers
        {
            KeysTransposed = workspace,
            ValuesTransposed = workspace + problem.PackedCount,
            KeyRows = keyRows,
            DKeys = keyRows + problem.PaddedCount,
            DValues = keyRows + (2 * problem.PaddedCount),
            O = F32View.Of(args.O, q.Rows, q.Columns, nameof(args.O)),
            Lse = F32View.Of(args.Lse, q.Rows, q.Columns / args.HeadDim, nameof(args.Lse)),
            DO = F32View.Of(args.DO, q.Rows, q.Columns, nameof(args.DO)),
            DQ = F32View.Of(args.DQ, q.Rows, q.Columns, nameof(args.DQ)),
            DK = F32View.Of(args.DK, k.Rows, k.Columns, nameof(args.DK)),
            DV = F32View.Of(args.DV, k.Rows, k.Columns, nameof(args.DV)),
        };
        ForKeyBlocks(problem, (group, segment, block) =>
        {
            AttentionPacking.Transpose(problem, k, buffers.KeysTransposed, group, segment, block);
            AttentionPacking.Transpose(problem, v, buffers.ValuesTransposed, group, segment, block);
            AttentionPacking.CopyRows(problem, k, buffers.KeyRows, group, segment, block);
        });
        _threads.For(problem.Keys.Families.Length * problem.Groups, item => AttentionBackwardTile.Run(
            problem, buffers, problem.Keys.Families[item / problem.Groups], item % problem.Groups));
    }

    private void ForKeyBlocks(AttentionProblem problem, Action<int, int, int> body)
    {
        int segments = problem.Keys.Segments.Length;
        _threads.For(segments * problem.Groups, item =>
        {
            int segment = item / problem.Groups;
            for (int block = 0; block < problem.Keys.Count(segment); block++)
            {
                body(item % problem.Groups, segment, block);
            }
        });
    }
}
