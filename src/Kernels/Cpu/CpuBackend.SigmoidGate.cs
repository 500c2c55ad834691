using System.Runtime.Intrinsics;
using Rm.Kernels.Ops;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void SigmoidGateForward(SigmoidGateForwardArgs args)
    {
        F32View x = F32View.Of(args.X, nameof(args.X));
        F32View gate = F32View.Of(args.Gate, x.Rows, x.Columns, nameof(args.Gate));
        F32View y = F32View.Of(args.Y, x.Rows, x.Columns, nameof(args.Y));
        ForRows(x.Rows, SwiGluCost * x.Columns, (begin, end) =>
        {
            for (int t = begin; t < end; t++)
            {
                for (int c = 0; c < x.Columns; c += Lanes)
                {
                    int n = x.Columns - c;
                    Store(Load(x[t] + c, n) / (Vector512<float>.One + Exp(-Load(gate[t] + c, n))), y[t] + c, n);
                }
            }
        });
    }

    /// <inheritdoc/>
    public void SigmoidGateBackward(SigmoidGateBackwardArgs args)
    {
        F32View x = F32View.Of(args.X, nameof(args.X));
        F32View dy = F32View.Of(args.DY, x.Rows, x.Columns, nameof(args.DY));
        F32View gate = F32View.Of(args.Gate, x.Rows, x.Columns, nameof(args.Gate));
        F32View dx = F32View.Of(args.DX, x.Rows, x.Columns, nameof(args.DX));
        F32View dGate = F32View.Of(args.DGate, x.Rows, x.Columns, nameof(args.DGate));
        ForRows(x.Rows, SwiGluCost * x.Columns, (begin, end) =>
        {
            for (int t = begin; t < end; t++)
            {
                for (int c = 0; c < x.Columns; c += Lanes)
                {
                    int n = x.Columns - c;
                    Vector512<float> d = Load(dy[t] + c, n), value = Load(x[t] + c, n);
                    Vector512<float> sigmoid = Vector512<float>.One / (Vector512<float>.One + Exp(-Load(gate[t] + c, n)));
                    Store(d * sigmoid, dx[t] + c, n);
                    Store(d * value * (sigmoid * (Vector512<float>.One - sigmoid)), dGate[t] + c, n);
                }
            }
        });
    }
}
