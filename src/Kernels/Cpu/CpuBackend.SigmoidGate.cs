using System.Runtime.Intrinsics;
using Rm.Kernels.Ops;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void SigmoidGateForward(SigmoidGateForwardArgs args)
    {
        var x = F32View.Of(args.X, nameof(args.X));
        var gate = F32View.Of(args.Gate, x.Rows, x.Columns, nameof(args.Gate));
        var y = F32View.Of(args.Y, x.Rows, x.Columns, nameof(args.Y));
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
        var x = F32View.Of(args.X, nameof(args.X));
        var dy = F32View.Of(args.DY, x.Rows, x.Columns, nameof(args.DY));
        var gate = F32View.Of(args.Gate, x.Rows, x.Columns, nameof(args.Gate));
        var dx = F32View.Of(args.DX, x.Rows, x.Columns, nameof(args.DX));
        var dGate = F32View.Of(args.DGate, x.Rows, x.Columns, nameof(args.DGate));
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
