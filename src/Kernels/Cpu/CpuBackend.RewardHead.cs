using System.Runtime.Intrinsics;
using Rm.Kernels.Ops;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu;

public sealed unsafe partial class CpuBackend
{
    /// <inheritdoc/>
    public void RewardHeadForward(RewardHeadForwardArgs args)
    {
        var x = F32View.Of(args.X, nameof(args.X));
        float* w = F32View.Vector(args.W, x.Columns, nameof(args.W));
        float* rewards = F32View.Vector(args.Rewards, x.Rows, nameof(args.Rewards));
        for (int i = 0; i < x.Rows; i++)
        {
            rewards[i] = Dot(x[i], w, x.Columns);
        }
    }

    /// <inheritdoc/>
    public void RewardHeadBackward(RewardHeadBackwardArgs args)
    {
        var x = F32View.Of(args.X, nameof(args.X));
        var dx = F32View.Of(args.DX, x.Rows, x.Columns, nameof(args.DX));
        float* w = F32View.Vector(args.W, x.Columns, nameof(args.W));
        float* dRewards = F32View.Vector(args.DRewards, x.Rows, nameof(args.DRewards));
        float* dw = args.DW is { } gradient ? F32View.Vector(gradient, x.Columns, nameof(args.DW)) : null;
        for (int c = 0; c < x.Columns; c += Lanes)
        {
            int n = x.Columns - c;
            Vector512<float> weight = Load(w + c, n);
            Vector512<float> sum = default;
            for (int i = 0; i < x.Rows; i++)
            {
                var d = Vector512.Create(dRewards[i]);
                sum = Vector512.FusedMultiplyAdd(d, Load(x[i] + c, n), sum);
                Store(d * weight, dx[i] + c, n);
            }

            if (dw is not null)
            {
                Store(Load(dw + c, n) + sum, dw + c, n);
            }
        }
    }
}
