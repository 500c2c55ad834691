using System.Numerics;

namespace Rm.Kernels.Tests.References;

/// <summary>Rotary embedding by the formula.</summary>
internal static class RopeReference<T>
    where T : IBinaryFloatingPointIeee754<T>
{
    /// <summary>Cosines, then sines, of the float32 angle.</summary>
    public static RealMatrix<T> Table(int[] positions, float[] inverseFrequencies)
    {
        int half = inverseFrequencies.Length;
        var table = new RealMatrix<T>(positions.Length, 2 * half);
        for (int t = 0; t < positions.Length; t++)
        {
            for (int i = 0; i < half; i++)
            {
                T angle = T.CreateChecked(positions[t] * inverseFrequencies[i]);
                table[t, i] = T.Cos(angle);
                table[t, half + i] = T.Sin(angle);
            }
        }

        return table;
    }

    public static RealMatrix<T> Apply(RealMatrix<T> x, RealMatrix<T> table, bool inverse)
    {
        int headDim = table.Columns;
        int half = headDim / 2;
        var y = new RealMatrix<T>(x.Rows, x.Columns);
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
