using System.Numerics;
using Rm.Kernels.Ops;

namespace Rm.Kernels.Tests.References;

/// <summary>
/// A whole mixture of experts, token by token: y = sum over the chosen of w_e down_e(swiglu(gateUp_e x)). Its gradient goes the way of the
/// operations: w dL/dw as the inner product of the gated activations and their gradient.
/// </summary>
/// <param name="Router"><c>[E, C]</c>.</param>
/// <param name="GateUp">Of each expert, <c>[2F, C]</c>.</param>
/// <param name="Down">Of each expert, <c>[C, F]</c>.</param>
/// <param name="Chosen">Experts of a token.</param>
/// <param name="Normalizes">Whether a token's weights sum to 1.</param>
internal sealed record MixtureReference<T>(
    RealMatrix<T> Router, RealMatrix<T>[] GateUp, RealMatrix<T>[] Down, int Chosen, bool Normalizes)
    where T : IBinaryFloatingPointIeee754<T>
{
    public RealMatrix<T> Forward(RealMatrix<T> x)
    {
        (int[] experts, RealMatrix<T> weights) = RouteReference<T>.Forward(Product(x, Router), Chosen, Normalizes);
        var y = new RealMatrix<T>(x.Rows, x.Columns);
        for (int i = 0; i < experts.Length; i++)
        {
            RealMatrix<T> h = SwiGluReference<T>.Forward(Product(x.TakeRows([i / Chosen]), GateUp[experts[i]]), GateActivation.Silu);
            RealMatrix<T> output = Product(h, Down[experts[i]]);
            for (int c = 0; c < x.Columns; c++)
            {
                y[i / Chosen, c] += weights[i / Chosen, i % Chosen] * output[0, c];
            }
        }

        return y;
    }

    public (RealMatrix<T> DX, RealMatrix<T> DRouter, RealMatrix<T>[] DGateUp, RealMatrix<T>[] DDown) Backward(
        RealMatrix<T> dy, RealMatrix<T> x)
    {
        RealMatrix<T> logits = Product(x, Router), dx = new(x.Rows, x.Columns), dWeights = new(x.Rows, Chosen);
        (int[] experts, RealMatrix<T> weights) = RouteReference<T>.Forward(logits, Chosen, Normalizes);
        RealMatrix<T>[] dGateUp = [.. GateUp.Select(w => new RealMatrix<T>(w.Rows, w.Columns))];
        RealMatrix<T>[] dDown = [.. Down.Select(w => new RealMatrix<T>(w.Rows, w.Columns))];
        for (int i = 0; i < experts.Length; i++)
        {
            (int t, int j, int e) = (i / Chosen, i % Chosen, experts[i]);
            RealMatrix<T> row = x.TakeRows([t]), gateUp = Product(row, GateUp[e]);
            RealMatrix<T> h = SwiGluReference<T>.Forward(gateUp, GateActivation.Silu);
            RealMatrix<T> dOutput = dy.TakeRows([t]).Map((_, _, d) => d * weights[t, j]);
            RealMatrix<T> dh = LinearReference<T>.InputGradient(dOutput, Down[e], [], T.One);
            dWeights[t, j] = ExpertReference<T>.Dot(dh, h, [0], 1)[0, 0] / weights[t, j];
            dDown[e] = dDown[e].Plus(LinearReference<T>.WeightGradient(dOutput, h));
            RealMatrix<T> dInner = SwiGluReference<T>.Backward(dh, gateUp, GateActivation.Silu);
            dGateUp[e] = dGateUp[e].Plus(LinearReference<T>.WeightGradient(dInner, row));
            RealMatrix<T> dRow = LinearReference<T>.InputGradient(dInner, GateUp[e], [], T.One);
            dx = dx.Map((r, c, value) => r == t ? value + dRow[0, c] : value);
        }

        RealMatrix<T> dLogits = RouteReference<T>.Backward(dWeights, logits, Normalizes);
        return (dx.Plus(LinearReference<T>.InputGradient(dLogits, Router, [], T.One)), LinearReference<T>.WeightGradient(dLogits, x),
            dGateUp, dDown);
    }

    private static RealMatrix<T> Product(RealMatrix<T> x, RealMatrix<T> w) => LinearReference<T>.Forward(x, w, null, null, [], T.One);
}
