using System.Numerics;

namespace Rm.Kernels.Tests.References;

/// <summary>RMSNorm of rows by the formula. Per-head norms are the same with a head a row.</summary>
internal static class RmsNormReference<T>
    where T : IBinaryFloatingPointIeee754<T>
{
    public static (RealMatrix<T> Y, RealMatrix<T> Rstd) Forward(RealMatrix<T> x, RealMatrix<T> w, T epsilon)
    {
        var y = new RealMatrix<T>(x.Rows, x.Columns);
        var rstd = new RealMatrix<T>(x.Rows, 1);
        for (int t = 0; t < x.Rows; t++)
        {
            T sum = T.Zero;
            for (int c = 0; c < x.Columns; c++)
            {
                sum += x[t, c] * x[t, c];
            }

            rstd[t, 0] = T.One / T.Sqrt((sum / T.CreateChecked(x.Columns)) + epsilon);
            for (int c = 0; c < x.Columns; c++)
            {
                y[t, c] = x[t, c] * rstd[t, 0] * w[0, c];
            }
        }

        return (y, rstd);
    }

    public static (RealMatrix<T> DX, RealMatrix<T> DW) Backward(RealMatrix<T> dy, RealMatrix<T> x, RealMatrix<T> w, T epsilon)
    {
        RealMatrix<T> rstd = Forward(x, w, epsilon).Rstd;
        var dx = new RealMatrix<T>(x.Rows, x.Columns);
        var dw = new RealMatrix<T>(1, x.Columns);
        for (int t = 0; t < x.Rows; t++)
        {
            T mean = T.Zero;
            for (int c = 0; c < x.Columns; c++)
            {
                T normalized = x[t, c] * rstd[t, 0];
                mean += dy[t, c] * w[0, c] * normalized;
                dw[0, c] += dy[t, c] * normalized;
            }

            mean /= T.CreateChecked(x.Columns);
            for (int c = 0; c < x.Columns; c++)
            {
                dx[t, c] = rstd[t, 0] * ((dy[t, c] * w[0, c]) - (x[t, c] * rstd[t, 0] * mean));
            }
        }

        return (dx, dw);
    }
}
