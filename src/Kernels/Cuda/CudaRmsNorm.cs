using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>Launchers of native/cuda/rms_norm.cu, for one activation type.</summary>
internal sealed class CudaRmsNorm
{
    private const int WeightBlock = 128;
    private const int RowsPerSplit = 64;
    private const int MaxSplits = 128;

    private readonly CudaSession _session;
    private readonly DType _dtype;
    private readonly CudaKernel _forward;
    private readonly CudaKernel _backward;
    private readonly CudaKernel _weight;
    private readonly CudaKernel _reduce;

    /// <summary>Loads the kernels for activations of <paramref name="dtype"/>.</summary>
    public CudaRmsNorm(CudaSession session, DType dtype)
    {
        string suffix = LaunchChecks.Suffix(dtype);
        _session = session;
        _dtype = dtype;
        _forward = session.Kernels.Get($"rms_norm_forward_{suffix}");
        _backward = session.Kernels.Get($"rms_norm_backward_{suffix}");
        _weight = session.Kernels.Get($"rms_norm_backward_{suffix}_weight");
        _reduce = session.Kernels.Get("rms_norm_backward_f32_reduce");
    }

    /// <summary>Y and Rstd of <see cref="RmsNormForwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type, shape or alignment is not the kernel's.</exception>
    public void Forward(RmsNormForwardArgs args)
    {
        using NvtxRange range = new("rms_norm_forward"u8);
        (int rows, int columns) = (args.X.Rows, args.X.Columns);
        Check(nameof(args.X), args.X, rows, columns);
        Check(nameof(args.Y), args.Y, rows, columns);
        LaunchChecks.Contiguous(nameof(args.W), args.W, DType.F32, 1, columns);
        LaunchChecks.Contiguous(nameof(args.Rstd), args.Rstd, DType.F32, 1, rows);
        if (rows == 0)
        {
            return;
        }

        RmsNormForwardLaunch launch = new()
        {
            X = args.X.Address,
            W = args.W.Address,
            Y = args.Y.Address,
            Rstd = args.Rstd.Address,
            Columns = columns,
            Epsilon = args.Epsilon,
        };
        _forward.Launch(_session.Stream, new LaunchShape(rows, RowThreads(columns)), launch);
    }

    /// <summary>DX, and DW unless it is frozen, of <see cref="RmsNormBackwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type, shape or alignment is not the kernel's.</exception>
    public void Backward(RmsNormBackwardArgs args)
    {
        using NvtxRange range = new("rms_norm_backward"u8);
        (int rows, int columns) = (args.X.Rows, args.X.Columns);
        Check(nameof(args.DY), args.DY, rows, columns);
        Check(nameof(args.X), args.X, rows, columns);
        Check(nameof(args.DX), args.DX, rows, columns);
        LaunchChecks.Contiguous(nameof(args.W), args.W, DType.F32, 1, columns);
        LaunchChecks.Contiguous(nameof(args.Rstd), args.Rstd, DType.F32, 1, rows);
        if (args.DResidual is { } residual)
        {
            Check(nameof(args.DResidual), residual, rows, columns);
        }

        if (rows == 0)
        {
            return;
        }

        // Before DX, which may be the memory of DY.
        if (args.DW is { } dw)
        {
            WeightGradient(args, dw);
        }

        RmsNormBackwardLaunch launch = new()
        {
            DY = args.DY.Address,
            X = args.X.Address,
            W = args.W.Address,
            Rstd = args.Rstd.Address,
            DResidual = args.DResidual?.Address ?? 0,
            DX = args.DX.Address,
            Columns = columns,
        };
        _backward.Launch(_session.Stream, new LaunchShape(rows, RowThreads(columns)), launch);
    }

    private void WeightGradient(RmsNormBackwardArgs args, Tensor dw)
    {
        (int rows, int columns) = (args.X.Rows, args.X.Columns);
        LaunchChecks.Contiguous(nameof(args.DW), dw, DType.F32, 1, columns);

        // A function of T alone, so that the order of the sum is the same on every GPU.
        int rowsPerSplit = Math.Max(RowsPerSplit, LaunchChecks.Blocks(rows, MaxSplits));
        int splits = LaunchChecks.Blocks(rows, rowsPerSplit);
        int blocks = LaunchChecks.Blocks(columns, WeightBlock);
        Tensor partial = _session.Workspace(new Shape(splits, columns));
        RmsNormWeightLaunch launch = new()
        {
            DY = args.DY.Address,
            X = args.X.Address,
            Rstd = args.Rstd.Address,
            Partial = partial.Address,
            Rows = rows,
            Columns = columns,
            RowsPerSplit = rowsPerSplit,
        };
        _weight.Launch(_session.Stream, new LaunchShape(new Dim3((uint)blocks, (uint)splits), WeightBlock), launch);
        _reduce.Launch(_session.Stream, new LaunchShape(blocks, WeightBlock), partial.Address, dw.Address, splits, columns);
    }

    private void Check(string name, Tensor tensor, int rows, int columns)
    {
        LaunchChecks.Contiguous(name, tensor, _dtype, rows, columns);
        if (columns * _dtype.Size() % LaunchChecks.PacketBytes == 0)
        {
            LaunchChecks.Packets(name, tensor);
        }
    }

    // The order of a row's sum depends on the number of threads, so that number depends on C alone.
    private int RowThreads(int columns) => LaunchChecks.Threads(LaunchChecks.Blocks(columns, LaunchChecks.PacketBytes / _dtype.Size()));
}

/// <summary>RmsNormForwardArgs of rms_norm.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RmsNormForwardLaunch
{
    public nint X;
    public nint W;
    public nint Y;
    public nint Rstd;
    public int Columns;
    public float Epsilon;
}

/// <summary>RmsNormBackwardArgs of rms_norm.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RmsNormBackwardLaunch
{
    public nint DY;
    public nint X;
    public nint W;
    public nint Rstd;
    public nint DResidual;
    public nint DX;
    public int Columns;
}

/// <summary>RmsNormWeightArgs of rms_norm.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RmsNormWeightLaunch
{
    public nint DY;
    public nint X;
    public nint Rstd;
    public nint Partial;
    public int Rows;
    public int Columns;
    public int RowsPerSplit;
}
