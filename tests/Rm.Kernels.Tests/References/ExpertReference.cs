using System.Numerics;

namespace Rm.Kernels.Tests.References;

/// <summary>The ways between tokens and rows by expert; slots say which row is a token's j-th.</summary>
internal static class ExpertReference<T>
    where T : IBinaryFloatingPointIeee754<T>
{
    public static RealMatrix<T> Sum(RealMatrix<T> x, int[] slots, RealMatrix<T>? weights, RealMatrix<T>? residual, int tokens)
    {
        int chosen = slots.Length / tokens;
        var y = new RealMatrix<T>(tokens, x.Columns);
        for (int t = 0; t < tokens; t++)
        {
            for (int c = 0; c < x.Columns; c++)
            {
                for (int j = 0; j < chosen; j++)
                {
                    y[t, c] += (weights is null ? T.One : weights[t, j]) * x[slots[(t * chosen) + j], c];
                }

                y[t, c] += residual is null ? T.Zero : residual[t, c];
            }
        }

        return y;
    }

    public static RealMatrix<T> SumGradient(RealMatrix<T> dy, int[] slots, RealMatrix<T> weights)
    {
        int chosen = slots.Length / dy.Rows;
        var dx = new RealMatrix<T>(slots.Length, dy.Columns);
        for (int i = 0; i < slots.Length; i++)
        {
            for (int c = 0; c < dy.Columns; c++)
            {
                dx[slots[i], c] = weights[i / chosen, i % chosen] * dy[i / chosen, c];
            }
        }

        return dx;
    }

    public static RealMatrix<T> Dot(RealMatrix<T> a, RealMatrix<T> b, int[] slots, int tokens)
    {
        int chosen = slots.Length / tokens;
        var dots = new RealMatrix<T>(tokens, chosen);
        for (int i = 0; i < slots.Length; i++)
        {
            for (int c = 0; c < a.Columns; c++)
            {
                dots[i / chosen, i % chosen] += a[slots[i], c] * b[slots[i], c];
            }
        }

        return dots;
    }
}
