using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// Launchers of native/cuda/weight_gradient.cu: gradients of a trained layer's weight (bfloat16 activations) and bias (either type).
/// </summary>
internal sealed class CudaWeightGradient
{
    private const int Tile = 128;
    private const int Threads = 256;
    private const int BiasThreads = 128;
    private const int SharedBytes = 64 << 10;

    private readonly CudaSession _session;
    private readonly DType _dtype;
    private readonly CudaLoraGradient _sums;
    private readonly CudaKernel _weight;
    private readonly CudaKernel _bias;

    /// <summary>Loads the kernels; <paramref name="sums"/> adds up the splits.</summary>
    public CudaWeightGradient(CudaSession session, DType dtype, CudaLoraGradient sums)
    {
        _session = session;
        _dtype = dtype;
        _sums = sums;
        _weight = session.Kernels.Get("weight_gradient_backward_bf16");
        _weight.AllowSharedMemory(SharedBytes);
        _bias = session.Kernels.Get($"bias_gradient_backward_{LaunchChecks.Suffix(dtype)}");
    }

    /// <summary>DW += dY^T X.</summary>
    /// <param name="dY"><c>[T, Out]</c>, bfloat16; rows may be strided.</param>
    /// <param name="x"><c>[T, In]</c>, bfloat16; rows may be strided.</param>
    /// <param name="dW"><c>[Out, In]</c>, float32, +=.</param>
    /// <exception cref="ArgumentException">A tensor's type, shape or alignment is not the kernel's.</exception>
    public void AddWeight(Tensor dY, Tensor x, Tensor dW)
    {
        using NvtxRange range = new("weight_gradient_backward"u8);
        LaunchChecks.Strided(nameof(dY), dY, DType.BF16, x.Rows, dW.Rows);
        LaunchChecks.Strided(nameof(x), x, DType.BF16, dY.Rows, dW.Columns);
        LaunchChecks.Contiguous(nameof(dW), dW, DType.F32, dY.Columns, x.Columns);
        LaunchChecks.Packets(nameof(dY), dY);
        LaunchChecks.Packets(nameof(x), x);
        if (x.Rows == 0)
        {
            return;
        }

        WeightGradientLaunch launch = new()
        {
            DY = dY.Address,
            X = x.Address,
            DW = dW.Address,
            Rows = x.Rows,
            Outputs = dY.Columns,
            Inputs = x.Columns,
            Lddy = dY.RowStride,
            Ldx = x.RowStride,
        };
        Dim3 grid = new((uint)LaunchChecks.Blocks(x.Columns, Tile), (uint)LaunchChecks.Blocks(dY.Columns, Tile));
        _weight.Launch(_session.Stream, new LaunchShape(grid, Threads, SharedBytes), launch);
    }

    /// <summary>DBias += column sums of dY.</summary>
    /// <param name="dY"><c>[T, Out]</c>; rows may be strided.</param>
    /// <param name="dBias"><c>[Out]</c>, float32, +=.</param>
    /// <param name="scratch">For the sums of splits.</param>
    /// <exception cref="ArgumentException">A tensor's type or shape is not the kernel's.</exception>
    public void AddBias(Tensor dY, Tensor dBias, TensorArena scratch)
    {
        using NvtxRange range = new("bias_gradient_backward"u8);
        (int rows, int columns) = (dY.Rows, dY.Columns);
        LaunchChecks.Strided(nameof(dY), dY, _dtype, rows, columns);
        LaunchChecks.Contiguous(nameof(dBias), dBias, DType.F32, 1, columns);
        if (rows == 0)
        {
            return;
        }

        (int rowsPerSplit, int splits) = CudaLoraGradient.Splits(rows, ranks: 1, columns);
        long mark = scratch.Mark;
        Tensor partial = scratch.Allocate(DType.F32, new Shape(splits, columns));
        BiasGradientLaunch launch = new()
        {
            DY = dY.Address,
            Partial = partial.Address,
            Rows = rows,
            Columns = columns,
            Lddy = dY.RowStride,
            RowsPerSplit = rowsPerSplit,
        };
        Dim3 grid = new((uint)LaunchChecks.Blocks(columns, BiasThreads), (uint)splits);
        _bias.Launch(_session.Stream, new LaunchShape(grid, BiasThreads), launch);
        LoraReduceTargetLaunch target = new() { Gradient = dBias.Address, Ranks = 1, Columns = columns, ColumnStride = 1 };
        _sums.Reduce(partial, splits, ranks: 1, scale: 1, [target]);
        scratch.Release(mark);
    }
}

/// <summary>WeightGradientArgs of weight_gradient.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct WeightGradientLaunch
{
    public nint DY;
    public nint X;
    public nint DW;
    public int Rows;
    public int Outputs;
    public int Inputs;
    public int Lddy;
    public int Ldx;
}

/// <summary>BiasGradientArgs of weight_gradient.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct BiasGradientLaunch
{
    public nint DY;
    public nint Partial;
    public int Rows;
    public int Columns;
    public int Lddy;
    public int RowsPerSplit;
}
