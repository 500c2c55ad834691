using System.Runtime.Intrinsics;
using Rm.Kernels.Ops;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void ScaleAdd(ScaleAddArgs args)
    {
        var x = F32View.Of(args.X, nameof(args.X));
        var y = F32View.Of(args.Y, x.Rows, x.Columns, nameof(args.Y));
        F32View z = args.Z is { } added ? F32View.Of(added, x.Rows, x.Columns, nameof(args.Z)) : default;
        float* columnScale = args.ColumnScale is { } factors ? F32View.Vector(factors, x.Columns, nameof(args.ColumnScale)) : null;
        float* bias = args.Bias is { } vector ? F32View.Vector(vector, x.Columns, nameof(args.Bias)) : null;
        bool adds = args.Z is not null;
        var scale = Vector512.Create(args.Scale);
        ForRows(x.Rows, x.Columns, (begin, end) =>
        {
            for (int t = begin; t < end; t++)
            {
                for (int c = 0; c < x.Columns; c += Lanes)
                {
                    int n = x.Columns - c;
                    Vector512<float> value = Load(x[t] + c, n) * scale;
                    value = columnScale == null ? value : value * Load(columnScale + c, n);
                    value = bias == null ? value : value + Load(bias + c, n);
                    Store(adds ? value + Load(z[t] + c, n) : value, y[t] + c, n);
                }
            }
        });
    }

    /// <inheritdoc/>
    public void ColumnDot(ColumnDotArgs args)
    {
        var a = F32View.Of(args.A, nameof(args.A));
        var b = F32View.Of(args.B, a.Rows, a.Columns, nameof(args.B));
        float* sums = F32View.Vector(args.Sums, a.Columns, nameof(args.Sums));
        ForColumns(a.Rows, a.Columns, (begin, end) =>
        {
            for (int c = begin; c < end; c += Lanes)
            {
                Vector512<float> sum = default;
                for (int t = 0; t < a.Rows; t++)
                {
                    sum = Vector512.FusedMultiplyAdd(Load(a[t] + c, end - c), Load(b[t] + c, end - c), sum);
                }

                Store(Load(sums + c, end - c) + sum, sums + c, end - c);
            }
        });
    }
}
