using System.Numerics;
using Rm.Kernels.Ops;

namespace Rm.Kernels.Tests.References;

/// <summary>act(gate) * up by the formula.</summary>
internal static class SwiGluReference<T>
    where T : IBinaryFloatingPointIeee754<T>
{
    public static RealMatrix<T> Forward(RealMatrix<T> gateUp, GateActivation activation = GateActivation.Silu)
    {
        int columns = gateUp.Columns / 2;
        var y = new RealMatrix<T>(gateUp.Rows, columns);
        return y.Map((t, c, _) => Act(gateUp[t, c], activation).Value * gateUp[t, columns + c]);
    }

    public static RealMatrix<T> Backward(RealMatrix<T> dy, RealMatrix<T> gateUp, GateActivation activation = GateActivation.Silu)
    {
        int columns = dy.Columns;
        var d = new RealMatrix<T>(dy.Rows, 2 * columns);
        for (int t = 0; t < dy.Rows; t++)
        {
            for (int c = 0; c < columns; c++)
            {
                (T value, T slope) = Act(gateUp[t, c], activation);
                d[t, c] = dy[t, c] * gateUp[t, columns + c] * slope;
                d[t, columns + c] = dy[t, c] * value;
            }
        }

        return d;
    }

    private static (T Value, T Slope) Act(T x, GateActivation activation)
    {
        if (activation == GateActivation.Silu)
        {
            T sigmoid = Sigmoid(x);
            return (x * sigmoid, sigmoid * (T.One + (x * (T.One - sigmoid))));
        }

        T half = T.CreateChecked(0.5), root = T.Sqrt(T.CreateChecked(2) / T.Pi), cubic = T.CreateChecked(0.044715);
        T tanh = T.Tanh(root * (x + (cubic * x * x * x)));
        T inner = root * (T.One + (T.CreateChecked(3) * cubic * x * x));
        return (half * x * (T.One + tanh), (half * (T.One + tanh)) + (half * x * (T.One - (tanh * tanh)) * inner));
    }

    private static T Sigmoid(T x) => T.One / (T.One + T.Exp(-x));
}
