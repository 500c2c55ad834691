using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>Launcher of native/cuda/pair_loss.cu.</summary>
internal sealed class CudaPairLoss
{
    private const int Threads = 128;

    private readonly CudaSession _session;
    private readonly CudaKernel _forward;

    /// <summary>Loads the kernel.</summary>
    public CudaPairLoss(CudaSession session)
    {
        _session = session;
        _forward = session.Kernels.Get("pair_loss_forward_f32");
    }

    /// <summary>Losses, and DRewards where wanted, of <see cref="PairLossArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape does not fit.</exception>
    public void Run(PairLossArgs args)
    {
        using NvtxRange range = new("pair_loss_forward"u8);
        int pairs = args.Losses.Columns;
        LaunchChecks.Contiguous(nameof(args.Losses), args.Losses, DType.F32, 1, pairs);
        LaunchChecks.Contiguous(nameof(args.Rewards), args.Rewards, DType.F32, 1, 2 * pairs);
        LaunchChecks.Optional(nameof(args.Margins), args.Margins, DType.F32, 1, pairs);
        LaunchChecks.Optional(nameof(args.Weights), args.Weights, DType.F32, 1, pairs);
        LaunchChecks.Optional(nameof(args.DRewards), args.DRewards, DType.F32, 1, 2 * pairs);
        if (pairs == 0)
        {
            return;
        }

        PairLossLaunch launch = new()
        {
            Rewards = args.Rewards.Address,
            Margins = args.Margins?.Address ?? 0,
            Weights = args.Weights?.Address ?? 0,
            Losses = args.Losses.Address,
            DRewards = args.DRewards?.Address ?? 0,
            Pairs = pairs,
            Beta = args.Options.Beta,
            LabelSmoothing = args.Options.LabelSmoothing,
            ScoreRegularization = args.Options.ScoreRegularization,
            MarginRegularization = args.Options.MarginRegularization,
            Normalizer = args.Normalizer,
        };
        _forward.Launch(_session.Stream, new LaunchShape(LaunchChecks.Blocks(pairs, Threads), Threads), launch);
    }
}

/// <summary>PairLossArgs of pair_loss.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PairLossLaunch
{
    public nint Rewards;
    public nint Margins;
    public nint Weights;
    public nint Losses;
    public nint DRewards;
    public int Pairs;
    public float Beta;
    public float LabelSmoothing;
    public float ScoreRegularization;
    public float MarginRegularization;
    public float Normalizer;
}
