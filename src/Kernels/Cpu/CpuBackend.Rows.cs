using Rm.Kernels.Ops;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void GatherRows(GatherRowsArgs args)
    {
        var x = F32View.Of(args.X, nameof(args.X));
        var y = F32View.Of(args.Y, args.Rows.Length, x.Columns, nameof(args.Y));
        int[] rows = args.Rows;
        CheckRows(rows, x.Rows);
        ForRows(rows.Length, x.Columns, (begin, end) =>
        {
            for (int i = begin; i < end; i++)
            {
                new ReadOnlySpan<float>(x[rows[i]], x.Columns).CopyTo(new Span<float>(y[i], x.Columns));
            }
        });
    }

    /// <inheritdoc/>
    public void ScatterAddRows(ScatterAddRowsArgs args)
    {
        var y = F32View.Of(args.Y, nameof(args.Y));
        var x = F32View.Of(args.X, args.Rows.Length, y.Columns, nameof(args.X));
        int[] rows = args.Rows;
        CheckRows(rows, y.Rows);
        ForRows(rows.Length, y.Columns, (begin, end) =>
        {
            for (int i = begin; i < end; i++)
            {
                float* to = y[rows[i]];
                for (int c = 0; c < y.Columns; c += Lanes)
                {
                    int n = y.Columns - c;
                    Store(Load(to + c, n) + Load(x[i] + c, n), to + c, n);
                }
            }
        });
    }

    private static void CheckRows(int[] rows, int count)
    {
        foreach (int row in rows)
        {
            if ((uint)row >= (uint)count)
            {
                throw new ArgumentException($"Row {row} is outside a tensor of {count} rows.", nameof(rows));
            }
        }
    }
}
