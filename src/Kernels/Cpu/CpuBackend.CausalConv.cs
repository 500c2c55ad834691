using System.Runtime.Intrinsics;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    // Columns that one thread takes through all rows.
    private const int ConvColumns = 64;

    /// <inheritdoc/>
    public void CausalConvForward(CausalConvForwardArgs args)
    {
        var x = F32View.Of(args.X, args.Layout.Layout.TokenCount, args.X.Columns, nameof(args.X));
        var y = F32View.Of(args.Y, x.Rows, x.Columns, nameof(args.Y));
        int width = ConvWidth(args.W, x.Columns);
        float* w = TransposedFilter(args.W, x.Columns, width);
        Segment[] segments = args.Layout.Layout.Segments;
        _threads.For((x.Columns + ConvColumns - 1) / ConvColumns, item =>
        {
            int end = Math.Min(x.Columns, (item + 1) * ConvColumns);
            for (int c = item * ConvColumns; c < end; c += Lanes)
            {
                int n = end - c;
                foreach (Segment segment in segments)
                {
                    for (int t = 0; t < segment.Length; t++)
                    {
                        Vector512<float> sum = ConvSum(x, w + c, segment, t, c, n, width);
                        Store(sum / (Vector512<float>.One + Exp(-sum)), y[segment.Start + t] + c, n);
                    }
                }
            }
        });
    }

    /// <inheritdoc/>
    public void CausalConvBackward(CausalConvBackwardArgs args)
    {
        var x = F32View.Of(args.X, args.Layout.Layout.TokenCount, args.X.Columns, nameof(args.X));
        var dy = F32View.Of(args.DY, x.Rows, x.Columns, nameof(args.DY));
        var dx = F32View.Of(args.DX, x.Rows, x.Columns, nameof(args.DX));
        int width = ConvWidth(args.W, x.Columns);
        float* w = TransposedFilter(args.W, x.Columns, width);
        float* dw = args.DW is { } gradient ? F32View.Vector(gradient, (long)x.Columns * width, nameof(args.DW)) : null;
        Segment[] segments = args.Layout.Layout.Segments;
        _threads.For((x.Columns + ConvColumns - 1) / ConvColumns, item =>
        {
            int end = Math.Min(x.Columns, (item + 1) * ConvColumns);
            for (int c = item * ConvColumns; c < end; c += Lanes)
            {
                ConvBackwardColumns(segments, x, dy, dx, w + c, dw, c, Math.Min(Lanes, end - c), width);
            }
        });
    }

    // Sixteen features through all rows in order: each row adds to the rows of its window, which are warm.
    private static void ConvBackwardColumns(
        Segment[] segments, F32View x, F32View dy, F32View dx, float* w, float* dw, int c, int n, int width)
    {
        Vector512<float>* sums = stackalloc Vector512<float>[CausalConvForwardArgs.MaxWidth];
        for (int j = 0; j < width; j++)
        {
            sums[j] = default;
        }

        foreach (Segment segment in segments)
        {
            for (int t = 0; t < segment.Length; t++)
            {
                int row = segment.Start + t;
                Vector512<float> sum = ConvSum(x, w, segment, t, c, n, width);
                Vector512<float> sigmoid = Vector512<float>.One / (Vector512<float>.One + Exp(-sum));
                Vector512<float> d = Load(dy[row] + c, n) * (
                    sigmoid * Vector512.FusedMultiplyAdd(sum, Vector512<float>.One - sigmoid, Vector512<float>.One));
                Store(d * Load(w + ((width - 1) * x.Columns), n), dx[row] + c, n);
                sums[width - 1] = Vector512.FusedMultiplyAdd(d, Load(x[row] + c, n), sums[width - 1]);
                for (int back = 1; back < width && RowBefore(segment, t, back) is >= 0 and var earlier; back++)
                {
                    int j = width - 1 - back;
                    float* to = dx[earlier] + c;
                    Store(Vector512.FusedMultiplyAdd(d, Load(w + (j * x.Columns), n), Load(to, n)), to, n);
                    sums[j] = Vector512.FusedMultiplyAdd(d, Load(x[earlier] + c, n), sums[j]);
                }
            }
        }

        for (int j = 0; dw is not null && j < width; j++)
        {
            for (int i = 0; i < n; i++)
            {
                dw[((c + i) * width) + j] += sums[j].GetElement(i);
            }
        }
    }

    private static Vector512<float> ConvSum(F32View x, float* w, Segment segment, int t, int c, int n, int width)
    {
        Vector512<float> sum = Load(x[segment.Start + t] + c, n) * Load(w + ((width - 1) * x.Columns), n);
        for (int back = 1; back < width && RowBefore(segment, t, back) is >= 0 and var earlier; back++)
        {
            sum = Vector512.FusedMultiplyAdd(Load(x[earlier] + c, n), Load(w + ((width - 1 - back) * x.Columns), n), sum);
        }

        return sum;
    }

    // Row of the token that stands so far before a segment's token t in its sequence, or -1 before the sequence's start.
    private static int RowBefore(Segment segment, int t, int back)
    {
        int index = t - back;
        return index >= 0 ? segment.Start + index : segment.PrefixLength + index >= 0 ? segment.PrefixStart + segment.PrefixLength + index
            : -1;
    }

    private static int ConvWidth(Tensor w, int columns) => w.Rows == columns && w.Columns is >= 1 and <= CausalConvForwardArgs.MaxWidth
        ? w.Columns
        : throw new ArgumentException(
            $"W must have shape [{columns}, 1 to {CausalConvForwardArgs.MaxWidth}], not {w.Shape}.", nameof(w));

    // [N, K] -> [K, N], with a vector's worth of room behind it.
    private float* TransposedFilter(Tensor filter, int columns, int width)
    {
        float* source = F32View.Vector(filter, (long)columns * width, "W"), w = _workspace.Floats((long)columns * width);
        for (int n = 0; n < columns; n++)
        {
            for (int j = 0; j < width; j++)
            {
                w[(j * columns) + n] = source[(n * width) + j];
            }
        }

        return w;
    }
}
