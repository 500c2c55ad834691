using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>Launchers of native/cuda/reward_head.cu, for one activation type.</summary>
internal sealed class CudaRewardHead
{
    private const int BackwardThreads = 128;
    private const int ColumnsPerThread = 8;

    private readonly CudaSession _session;
    private readonly DType _dtype;
    private readonly CudaKernel _forward;
    private readonly CudaKernel _backward;

    /// <summary>Loads the kernels for activations of <paramref name="dtype"/>.</summary>
    public CudaRewardHead(CudaSession session, DType dtype)
    {
        string suffix = LaunchChecks.Suffix(dtype);
        _session = session;
        _dtype = dtype;
        _forward = session.Kernels.Get($"reward_head_forward_{suffix}");
        _backward = session.Kernels.Get($"reward_head_backward_{suffix}");
    }

    /// <summary>Rewards of <see cref="RewardHeadForwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape does not fit.</exception>
    public void Forward(RewardHeadForwardArgs args)
    {
        using NvtxRange range = new("reward_head_forward"u8);
        (int rows, int columns) = (args.X.Rows, args.X.Columns);
        LaunchChecks.Contiguous(nameof(args.X), args.X, _dtype, rows, columns);
        LaunchChecks.Contiguous(nameof(args.W), args.W, DType.F32, 1, columns);
        LaunchChecks.Contiguous(nameof(args.Rewards), args.Rewards, DType.F32, 1, rows);
        if (rows != 0)
        {
            // The order of a row's sum depends on the number of threads, so that number depends on C alone.
            LaunchShape shape = new(rows, LaunchChecks.Threads(LaunchChecks.Blocks(columns, ColumnsPerThread)));
            _forward.Launch(_session.Stream, shape, args.X.Address, args.W.Address, args.Rewards.Address, columns);
        }
    }

    /// <summary>DX, and DW unless the head is frozen, of <see cref="RewardHeadBackwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape does not fit.</exception>
    public void Backward(RewardHeadBackwardArgs args)
    {
        using NvtxRange range = new("reward_head_backward"u8);
        (int rows, int columns) = (args.X.Rows, args.X.Columns);
        LaunchChecks.Contiguous(nameof(args.DRewards), args.DRewards, DType.F32, 1, rows);
        LaunchChecks.Contiguous(nameof(args.X), args.X, _dtype, rows, columns);
        LaunchChecks.Contiguous(nameof(args.W), args.W, DType.F32, 1, columns);
        LaunchChecks.Contiguous(nameof(args.DX), args.DX, _dtype, rows, columns);
        if (args.DW is { } dw)
        {
            LaunchChecks.Contiguous(nameof(args.DW), dw, DType.F32, 1, columns);
        }

        if (rows == 0)
        {
            return;
        }

        RewardHeadBackwardLaunch launch = new()
        {
            DRewards = args.DRewards.Address,
            X = args.X.Address,
            W = args.W.Address,
            DX = args.DX.Address,
            DW = args.DW?.Address ?? 0,
            Rows = rows,
            Columns = columns,
        };
        _backward.Launch(_session.Stream, new LaunchShape(LaunchChecks.Blocks(columns, BackwardThreads), BackwardThreads), launch);
    }
}

/// <summary>RewardHeadBackwardArgs of reward_head.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RewardHeadBackwardLaunch
{
    public nint DRewards;
    public nint X;
    public nint W;
    public nint DX;
    public nint DW;
    public int Rows;
    public int Columns;
}
