using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// Launchers of native/cuda/lora_gradient.cu: gradients of LoRA's factors as sums over tokens, split by rows, added in order.
/// </summary>
internal sealed class CudaLoraGradient(CudaSession session)
{
    private const int TileRanks = 32;
    private const int TileColumns = 128;
    private const int TileRows = 32;
    private const int Threads = 128;
    private const int ReduceThreads = 256;
    private const int SharedBytes = 40 << 10;
    private const int RowsPerSplit = 256;
    private const int MaxSplits = 64;
    private const int FullGrid = 1024;

    private readonly CudaKernel _partial = session.Kernels.Get("lora_gradient_backward_bf16");
    private readonly CudaKernel _reduce = session.Kernels.Get("lora_gradient_backward_f32_reduce");

    /// <summary>
    /// Rows of each split and their number: a function of the shape alone, so that sums have the same order on every GPU. Enough blocks to
    /// fill a large one, and no more partial sums than that takes.
    /// </summary>
    public static (int Rows, int Count) Splits(int rows, int ranks, int columns)
    {
        int tiles = checked(LaunchChecks.Blocks(ranks, TileRanks) * LaunchChecks.Blocks(columns, TileColumns));
        int wanted = Math.Clamp(LaunchChecks.Blocks(FullGrid, tiles), 1, MaxSplits);
        int perSplit = LaunchChecks.Blocks(Math.Max(RowsPerSplit, LaunchChecks.Blocks(rows, wanted)), TileRows) * TileRows;
        return (perSplit, LaunchChecks.Blocks(rows, perSplit));
    }

    /// <summary>Adds scale * p^T dropout(q) to every target.</summary>
    /// <param name="p"><c>[T, R]</c>, bfloat16: S or dS.</param>
    /// <param name="q"><c>[T, C]</c>, bfloat16: dY or x; rows may be strided.</param>
    /// <param name="dropout">The mask of q, without its factor.</param>
    /// <param name="scale">Includes the mask's factor.</param>
    /// <param name="targets">Blocks of the product and where they are added; up to four.</param>
    /// <param name="scratch">For the partial sums.</param>
    /// <exception cref="ArgumentException">A tensor's type, shape or alignment is not the kernel's.</exception>
    public void Add(
        Tensor p, Tensor q, in DropoutLaunch dropout, float scale, ReadOnlySpan<LoraReduceTargetLaunch> targets, TensorArena scratch)
    {
        using NvtxRange range = new("lora_gradient_backward"u8);
        (int rows, int ranks, int columns) = (p.Rows, p.Columns, q.Columns);
        LaunchChecks.Strided(nameof(p), p, DType.BF16, rows, ranks);
        LaunchChecks.Strided(nameof(q), q, DType.BF16, rows, columns);
        LaunchChecks.Packets(nameof(p), p);
        LaunchChecks.Packets(nameof(q), q);
        if (rows == 0)
        {
            return;
        }

        (int rowsPerSplit, int splits) = Splits(rows, ranks, columns);
        long mark = scratch.Mark;
        Tensor partial = scratch.Allocate(DType.F32, new Shape(checked(splits * ranks), columns));
        LoraGradientLaunch launch = new()
        {
            P = p.Address,
            Q = q.Address,
            Partial = partial.Address,
            Dropout = dropout,
            Rows = rows,
            RowsPerSplit = rowsPerSplit,
            Ranks = ranks,
            Columns = columns,
            Ldp = p.RowStride,
            Ldq = q.RowStride,
        };
        Dim3 grid = new((uint)LaunchChecks.Blocks(columns, TileColumns), (uint)splits, (uint)LaunchChecks.Blocks(ranks, TileRanks));
        _partial.Launch(session.Stream, new LaunchShape(grid, Threads, SharedBytes), launch);
        Reduce(partial, splits, ranks, scale, targets);
        scratch.Release(mark);
    }

    /// <summary>Adds scale times the ordered sum of the splits to every target.</summary>
    /// <param name="partial"><c>[splits * ranks, C]</c>, float32.</param>
    /// <param name="splits">Number of splits.</param>
    /// <param name="ranks">Rows of each.</param>
    /// <param name="scale">Factor of the sums.</param>
    /// <param name="targets">Blocks of the sums and where they are added; up to four.</param>
    public void Reduce(Tensor partial, int splits, int ranks, float scale, ReadOnlySpan<LoraReduceTargetLaunch> targets)
    {
        LoraReduceLaunch launch = new()
        {
            Partial = partial.Address,
            First = targets[0],
            Second = targets.Length > 1 ? targets[1] : default,
            Third = targets.Length > 2 ? targets[2] : default,
            Fourth = targets.Length > 3 ? targets[3] : default,
            Splits = splits,
            Ranks = ranks,
            Columns = partial.Columns,
            Scale = scale,
        };
        (int mostColumns, int mostRanks) = (0, 0);
        foreach (LoraReduceTargetLaunch target in targets)
        {
            (mostColumns, mostRanks) = (Math.Max(mostColumns, target.Columns), Math.Max(mostRanks, target.Ranks));
        }

        Dim3 grid = new((uint)LaunchChecks.Blocks(mostColumns, ReduceThreads), (uint)mostRanks, (uint)targets.Length);
        _reduce.Launch(session.Stream, new LaunchShape(grid, ReduceThreads), launch);
    }
}

/// <summary>LoraGradientArgs of lora_gradient.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LoraGradientLaunch
{
    public nint P;
    public nint Q;
    public nint Partial;
    public DropoutLaunch Dropout;
    public int Rows;
    public int RowsPerSplit;
    public int Ranks;
    public int Columns;
    public int Ldp;
    public int Ldq;
}

/// <summary>LoraReduceTarget of lora_gradient.cu: a block of ranks and columns of the sums, and the gradient it is added to.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LoraReduceTargetLaunch
{
    public nint Gradient;
    public int RankRow;
    public int Ranks;
    public int Column;
    public int Columns;
    public int RankStride;
    public int ColumnStride;
}

/// <summary>LoraReduceArgs of lora_gradient.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LoraReduceLaunch
{
    public nint Partial;
    public LoraReduceTargetLaunch First;
    public LoraReduceTargetLaunch Second;
    public LoraReduceTargetLaunch Third;
    public LoraReduceTargetLaunch Fourth;
    public int Splits;
    public int Ranks;
    public int Columns;
    public float Scale;
}
