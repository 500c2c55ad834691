using System.Runtime.Intrinsics;
using Rm.Kernels.Ops;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    // The exponential makes an element cost about four of a plain copy.
    private const int SwiGluCost = 4;

    /// <inheritdoc/>
    public void SwiGluForward(SwiGluForwardArgs args)
    {
        var y = F32View.Of(args.Y, nameof(args.Y));
        var gateUp = F32View.Of(args.GateUp, y.Rows, 2 * y.Columns, nameof(args.GateUp));
        bool gelu = args.Activation == GateActivation.GeluTanh;
        ForRows(y.Rows, SwiGluCost * y.Columns, (begin, end) =>
        {
            for (int t = begin; t < end; t++)
            {
                float* gate = gateUp[t];
                float* up = gate + y.Columns;
                for (int c = 0; c < y.Columns; c += Lanes)
                {
                    int n = y.Columns - c;
                    Vector512<float> g = Load(gate + c, n);
                    Vector512<float> activated = gelu ? GeluTanh(g, out _) : g / (Vector512<float>.One + Exp(-g));
                    Store(activated * Load(up + c, n), y[t] + c, n);
                }
            }
        });
    }

    /// <inheritdoc/>
    public void SwiGluBackward(SwiGluBackwardArgs args)
    {
        var dy = F32View.Of(args.DY, nameof(args.DY));
        var gateUp = F32View.Of(args.GateUp, dy.Rows, 2 * dy.Columns, nameof(args.GateUp));
        var dGateUp = F32View.Of(args.DGateUp, dy.Rows, 2 * dy.Columns, nameof(args.DGateUp));
        int columns = dy.Columns;
        bool gelu = args.Activation == GateActivation.GeluTanh;
        ForRows(dy.Rows, SwiGluCost * columns, (begin, end) =>
        {
            for (int t = begin; t < end; t++)
            {
                float* gate = gateUp[t];
                float* dGate = dGateUp[t];
                for (int c = 0; c < columns; c += Lanes)
                {
                    int n = columns - c;
                    Vector512<float> g = Load(gate + c, n);
                    Vector512<float> u = Load(gate + columns + c, n);
                    Vector512<float> d = Load(dy[t] + c, n);
                    if (gelu)
                    {
                        Vector512<float> activated = GeluTanh(g, out Vector512<float> geluSlope);
                        Store(d * u * geluSlope, dGate + c, n);
                        Store(d * activated, dGate + columns + c, n);
                        continue;
                    }

                    Vector512<float> sigmoid = Vector512<float>.One / (Vector512<float>.One + Exp(-g));

                    // silu'(g) = sigmoid (1 + g (1 - sigmoid))
                    Vector512<float> slope = sigmoid * Vector512.FusedMultiplyAdd(g, Vector512<float>.One - sigmoid, Vector512<float>.One);
                    Store(d * u * slope, dGate + c, n);
                    Store(d * (g * sigmoid), dGate + columns + c, n);
                }
            }
        });
    }

    // g(x) = x s and g'(x) = s + x s (1 - s) 2 z'(x) with s = (1 + tanh z) / 2 = 1 / (1 + e^-2z), z = sqrt(2/pi) (x + 0.044715 x^3).
    private static Vector512<float> GeluTanh(Vector512<float> x, out Vector512<float> slope)
    {
        Vector512<float> root = Vector512.Create(2 * 0.7978845608f), square = x * x, one = Vector512<float>.One;
        Vector512<float> twice = root * x * Vector512.FusedMultiplyAdd(Vector512.Create(0.044715f), square, one);
        Vector512<float> twiceSlope = root * Vector512.FusedMultiplyAdd(Vector512.Create(3 * 0.044715f), square, one);
        Vector512<float> e = Exp(-Vector512.Abs(twice)), larger = one / (one + e), smaller = e * larger;
        var share = Vector512.ConditionalSelect(Vector512.LessThan(twice, Vector512<float>.Zero), smaller, larger);

        // Far from zero the square may overflow while the product of the shares is zero.
        Vector512<float> bend = larger * smaller;
        slope = share + Vector512.ConditionalSelect(Vector512.Equals(bend, Vector512<float>.Zero), bend, x * bend * twiceSlope);
        return x * share;
    }
}
