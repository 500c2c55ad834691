using System.Numerics;
using Rm.Kernels.Ops;

namespace Rm.Kernels.Tests.References;

/// <summary>The causal convolution with SiLU by the formula.</summary>
internal static class CausalConvReference<T>
    where T : IBinaryFloatingPointIeee754<T>
{
    public static RealMatrix<T> Forward(SequenceLayout layout, RealMatrix<T> x, RealMatrix<T> w)
    {
        var y = new RealMatrix<T>(x.Rows, x.Columns);
        foreach (Segment segment in layout.Segments)
        {
            (int[] rows, int own) = SegmentRows.Of(segment);
            for (int t = own; t < rows.Length; t++)
            {
                for (int n = 0; n < x.Columns; n++)
                {
                    T sum = Sum(x, w, rows, t, n);
                    y[rows[t], n] = sum / (T.One + T.Exp(-sum));
                }
            }
        }

        return y;
    }

    public static (RealMatrix<T> DX, RealMatrix<T> DW) Backward(SequenceLayout layout, RealMatrix<T> dy, RealMatrix<T> x, RealMatrix<T> w)
    {
        RealMatrix<T> dx = new(x.Rows, x.Columns), dw = new(w.Rows, w.Columns);
        foreach (Segment segment in layout.Segments)
        {
            (int[] rows, int own) = SegmentRows.Of(segment);
            for (int t = own; t < rows.Length; t++)
            {
                for (int n = 0; n < x.Columns; n++)
                {
                    T sum = Sum(x, w, rows, t, n), sigmoid = T.One / (T.One + T.Exp(-sum));
                    T d = dy[rows[t], n] * sigmoid * (T.One + (sum * (T.One - sigmoid)));
                    for (int j = 0; j < w.Columns; j++)
                    {
                        int from = t - w.Columns + 1 + j;
                        if (from >= 0)
                        {
                            dx[rows[from], n] += d * w[n, j];
                            dw[n, j] += d * x[rows[from], n];
                        }
                    }
                }
            }
        }

        return (dx, dw);
    }

    private static T Sum(RealMatrix<T> x, RealMatrix<T> w, int[] rows, int t, int n)
    {
        T sum = T.Zero;
        for (int j = 0; j < w.Columns; j++)
        {
            int from = t - w.Columns + 1 + j;
            sum += from >= 0 ? w[n, j] * x[rows[from], n] : T.Zero;
        }

        return sum;
    }
}
