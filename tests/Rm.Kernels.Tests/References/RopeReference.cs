using System.Numerics;

namespace Rm.Kernels.Tests.References;

/// <summary>Rotary embedding by the formula.</summary>
internal static class RopeReference<T>
    where T : IBinaryFloatingPointIeee754<T>
{
    /// <summary>Cosines, then sines, of the float32 angle.</summary>
    public static RealMatrix<T> Table(
        int[] positions, float[] inverseFrequencies, double scale = 1, double growth = 0, int growthLength = 1)
    {
        int half = inverseFrequencies.Length;
        var table = new RealMatrix<T>(positions.Length, 2 * half);
        for (int t = 0; t < positions.Length; t++)
        {
            T factor =
                T.CreateChecked(scale) * (T.One + (T.CreateChecked(growth) * T.Log(T.CreateChecked(1 + (positions[t] / growthLength)))));
            for (int i = 0; i < half; i++)
            {
                T angle = T.CreateChecked(positions[t] * inverseFrequencies[i]);
                table[t, i] = T.Cos(angle) * factor;
                table[t, half + i] = T.Sin(angle) * factor;
            }
        }

        return table;
    }

    public static RealMatrix<T> Apply(RealMatrix<T> x, RealMatrix<T> table, bool inverse, int headDim = 0)
    {
        headDim = headDim == 0 ? table.Columns : headDim;
        int half = table.Columns / 2;
        RealMatrix<T> y = x.Copy();
        for (int t = 0; t < x.Rows; t++)
        {
            for (int start = 0; start < x.Columns; start += headDim)
            {
                for (int i = 0; i < half; i++)
                {
                    T cos = table[t, i];
                    T sin = inverse ? -table[t, half + i] : table[t, half + i];
                    T x1 = x[t, start + i];
                    T x2 = x[t, start + half + i];
                    y[t, start + i] = (x1 * cos) - (x2 * sin);
                    y[t, start + half + i] = (x2 * cos) + (x1 * sin);
                }
            }
        }

        return y;
    }
}
