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
        F32View y = F32View.Of(args.Y, nameof(args.Y));
        F32View gateUp = F32View.Of(args.GateUp, y.Rows, 2 * y.Columns, nameof(args.GateUp));
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
                    Store(g / (Vector512<float>.One + Exp(-g)) * Load(up + c, n), y[t] + c, n);
                }
            }
        });
    }

    /// <inheritdoc/>
    public void SwiGluBackward(SwiGluBackwardArgs args)
    {
        F32View dy = F32View.Of(args.DY, nameof(args.DY));
        F32View gateUp = F32View.Of(args.GateUp, dy.Rows, 2 * dy.Columns, nameof(args.GateUp));
        F32View dGateUp = F32View.Of(args.DGateUp, dy.Rows, 2 * dy.Columns, nameof(args.DGateUp));
        int columns = dy.Columns;
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
                    Vector512<float> sigmoid = Vector512<float>.One / (Vector512<float>.One + Exp(-g));

                    // silu'(g) = sigmoid (1 + g (1 - sigmoid))
                    Vector512<float> slope = sigmoid * Vector512.FusedMultiplyAdd(g, Vector512<float>.One - sigmoid, Vector512<float>.One);
                    Store(d * u * slope, dGate + c, n);
                    Store(d * (g * sigmoid), dGate + columns + c, n);
                }
            }
        });
    }
}
