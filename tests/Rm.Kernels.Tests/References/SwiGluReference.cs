using System.Numerics;

namespace Rm.Kernels.Tests.References;

/// <summary>silu(gate) * up by the formula.</summary>
internal static class SwiGluReference<T>
    where T : IBinaryFloatingPointIeee754<T>
{
    public static RealMatrix<T> Forward(RealMatrix<T> gateUp)
    {
        int columns = gateUp.Columns / 2;
        var y = new RealMatrix<T>(gateUp.Rows, columns);
        return y.Map((t, c, _) => gateUp[t, c] * Sigmoid(gateUp[t, c]) * gateUp[t, columns + c]);
    }

    public static RealMatrix<T> Backward(RealMatrix<T> dy, RealMatrix<T> gateUp)
    {
        int columns = dy.Columns;
        var d = new RealMatrix<T>(dy.Rows, 2 * columns);
        for (int t = 0; t < dy.Rows; t++)
        {
            for (int c = 0; c < columns; c++)
            {
                T g = gateUp[t, c];
                T sigmoid = Sigmoid(g);
                d[t, c] = dy[t, c] * gateUp[t, columns + c] * sigmoid * (T.One + (g * (T.One - sigmoid)));
                d[t, columns + c] = dy[t, c] * g * sigmoid;
            }
        }

        return d;
    }

    private static T Sigmoid(T x) => T.One / (T.One + T.Exp(-x));
}
