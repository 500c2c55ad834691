using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>Launcher of pair_loss.cu's losses of rankings.</summary>
internal sealed class CudaRankingLoss : IDisposable
{
    private const int Threads = 64;

    private readonly CudaSession _session;
    private readonly CudaUploadedList<int> _lists;
    private readonly CudaKernel _forward;

    /// <summary>Loads the kernel.</summary>
    public CudaRankingLoss(CudaSession session)
    {
        _session = session;
        _lists = new CudaUploadedList<int>(session);
        _forward = session.Kernels.Get("ranking_loss_forward_f32");
    }

    /// <summary>Losses, and DRewards where wanted, of <see cref="RankingLossArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape does not fit, or a pair names another ranking's answer.</exception>
    public void Run(RankingLossArgs args)
    {
        using NvtxRange range = new("ranking_loss_forward"u8);
        args.Check();
        RankingLayout rankings = args.Rankings;
        LaunchChecks.Contiguous(nameof(args.Losses), args.Losses, DType.F32, 1, rankings.Count);
        LaunchChecks.Contiguous(nameof(args.Rewards), args.Rewards, DType.F32, 1, rankings.Answers);
        LaunchChecks.Optional(nameof(args.Margins), args.Margins, DType.F32, 1, rankings.Count);
        LaunchChecks.Optional(nameof(args.Weights), args.Weights, DType.F32, 1, rankings.Count);
        LaunchChecks.Optional(nameof(args.DRewards), args.DRewards, DType.F32, 1, rankings.Answers);
        if (rankings.Count == 0)
        {
            return;
        }

        RankingLossLaunch launch = new()
        {
            Rewards = args.Rewards.Address,
            Lists = _lists.Of([.. rankings.AnswerStarts, .. rankings.PairStarts, .. rankings.Pairs]).Address,
            Margins = args.Margins?.Address ?? 0,
            Weights = args.Weights?.Address ?? 0,
            Losses = args.Losses.Address,
            DRewards = args.DRewards?.Address ?? 0,
            Rankings = rankings.Count,
            PlackettLuce = args.Kind == RankingLossKind.PlackettLuce ? 1 : 0,
            Beta = args.Options.Beta,
            LabelSmoothing = args.Options.LabelSmoothing,
            ScoreRegularization = args.Options.ScoreRegularization,
            MarginRegularization = args.Options.MarginRegularization,
            Normalizer = args.Normalizer,
        };
        _forward.Launch(_session.Stream, new LaunchShape(rankings.Count, Threads), launch);
    }

    /// <inheritdoc/>
    public void Dispose() => _lists.Dispose();
}

/// <summary>RankingLossArgs of pair_loss.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RankingLossLaunch
{
    public nint Rewards;
    public nint Lists;
    public nint Margins;
    public nint Weights;
    public nint Losses;
    public nint DRewards;
    public int Rankings;
    public int PlackettLuce;
    public float Beta;
    public float LabelSmoothing;
    public float ScoreRegularization;
    public float MarginRegularization;
    public float Normalizer;
}
