using System.Numerics;

namespace Rm.Kernels.Tests.References;

/// <summary>x sigmoid(gate) by the formula.</summary>
internal static class SigmoidGateReference<T>
    where T : IBinaryFloatingPointIeee754<T>
{
    public static RealMatrix<T> Forward(RealMatrix<T> x, RealMatrix<T> gate) => x.Map((t, c, value) => value * Sigmoid(gate[t, c]));

    public static (RealMatrix<T> DX, RealMatrix<T> DGate) Backward(RealMatrix<T> dy, RealMatrix<T> x, RealMatrix<T> gate) => (
        dy.Map((t, c, d) => d * Sigmoid(gate[t, c])),
        dy.Map((t, c, d) => d * x[t, c] * Sigmoid(gate[t, c]) * (T.One - Sigmoid(gate[t, c]))));

    private static T Sigmoid(T x) => T.One / (T.One + T.Exp(-x));
}
