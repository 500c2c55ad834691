using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>Launchers of native/cuda/head_norm.cu, for one activation type.</summary>
internal sealed class CudaHeadNorm
{
    private const int Threads = 128;
    private const int HeadsPerBlock = Threads / 32;
    private const int RowsPerSplit = 16;
    private const int MaxSplits = 128;

    private readonly CudaSession _session;
    private readonly DType _dtype;
    private readonly CudaKernel _forward;
    private readonly CudaKernel _backward;
    private readonly CudaKernel _weight;
    private readonly CudaKernel _reduce;

    /// <summary>Loads the kernels for activations of <paramref name="dtype"/>.</summary>
    public CudaHeadNorm(CudaSession session, DType dtype)
    {
        string suffix = LaunchChecks.Suffix(dtype);
        _session = session;
        _dtype = dtype;
        _forward = session.Kernels.Get($"head_norm_forward_{suffix}");
        _backward = session.Kernels.Get($"head_norm_backward_{suffix}");
        _weight = session.Kernels.Get($"head_norm_backward_{suffix}_weight");
        _reduce = session.Kernels.Get("rms_norm_backward_f32_reduce");
    }

    /// <summary>Y and Rstd of <see cref="HeadNormForwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape does not fit.</exception>
    public void Forward(HeadNormForwardArgs args)
    {
        using NvtxRange range = new("head_norm_forward"u8);
        (int rows, int heads, int headDim) = Sizes(args.X, args.W, args.Rstd);
        LaunchChecks.Strided(nameof(args.Y), args.Y, _dtype, rows, args.X.Columns);
        if (rows == 0)
        {
            return;
        }

        HeadNormForwardLaunch launch = new()
        {
            X = args.X.Address,
            W = args.W.Address,
            Y = args.Y.Address,
            Rstd = args.Rstd.Address,
            Rows = rows,
            Heads = heads,
            HeadDim = headDim,
            XStride = args.X.RowStride,
            YStride = args.Y.RowStride,
            Epsilon = args.Epsilon,
        };
        _forward.Launch(_session.Stream, Shape(rows, heads), launch);
    }

    /// <summary>DX, and DW unless it is frozen, of <see cref="HeadNormBackwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape does not fit.</exception>
    public void Backward(HeadNormBackwardArgs args)
    {
        using NvtxRange range = new("head_norm_backward"u8);
        (int rows, int heads, int headDim) = Sizes(args.X, args.W, args.Rstd);
        LaunchChecks.Strided(nameof(args.DY), args.DY, _dtype, rows, args.X.Columns);
        LaunchChecks.Strided(nameof(args.DX), args.DX, _dtype, rows, args.X.Columns);
        if (rows == 0)
        {
            return;
        }

        // Before DX, which may be the memory of DY.
        if (args.DW is { } dw)
        {
            WeightGradient(args, dw, heads, headDim);
        }

        HeadNormBackwardLaunch launch = new()
        {
            DY = args.DY.Address,
            X = args.X.Address,
            W = args.W.Address,
            Rstd = args.Rstd.Address,
            DX = args.DX.Address,
            Rows = rows,
            Heads = heads,
            HeadDim = headDim,
            DYStride = args.DY.RowStride,
            XStride = args.X.RowStride,
            DXStride = args.DX.RowStride,
        };
        _backward.Launch(_session.Stream, Shape(rows, heads), launch);
    }

    private void WeightGradient(HeadNormBackwardArgs args, Tensor dw, int heads, int headDim)
    {
        LaunchChecks.Contiguous(nameof(args.DW), dw, DType.F32, 1, headDim);
        int rows = args.X.Rows;

        // A function of T alone, so that the order of the sum is the same on every GPU.
        int rowsPerSplit = Math.Max(RowsPerSplit, LaunchChecks.Blocks(rows, MaxSplits));
        int splits = LaunchChecks.Blocks(rows, rowsPerSplit);
        int blocks = LaunchChecks.Blocks(headDim, Threads);
        Tensor partial = _session.Workspace(new Shape(splits, headDim));
        HeadNormWeightLaunch launch = new()
        {
            DY = args.DY.Address,
            X = args.X.Address,
            Rstd = args.Rstd.Address,
            Partial = partial.Address,
            Rows = rows,
            Heads = heads,
            HeadDim = headDim,
            DYStride = args.DY.RowStride,
            XStride = args.X.RowStride,
            RowsPerSplit = rowsPerSplit,
        };
        _weight.Launch(_session.Stream, new LaunchShape(new Dim3((uint)blocks, (uint)splits), Threads), launch);
        _reduce.Launch(_session.Stream, new LaunchShape(blocks, Threads), partial.Address, dw.Address, splits, headDim);
    }

    private (int Rows, int Heads, int HeadDim) Sizes(Tensor x, Tensor w, Tensor rstd)
    {
        int headDim = w.Columns;
        LaunchChecks.Contiguous("W", w, DType.F32, 1, headDim);
        int heads = LaunchChecks.Heads("X", x, headDim);
        LaunchChecks.Strided("X", x, _dtype, x.Rows, heads * headDim);
        LaunchChecks.Contiguous("Rstd", rstd, DType.F32, x.Rows, heads);
        return (x.Rows, heads, headDim);
    }

    private static LaunchShape Shape(int rows, int heads) =>
        new(LaunchChecks.Blocks(checked(rows * heads), HeadsPerBlock), Threads);
}

/// <summary>HeadNormForwardArgs of head_norm.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct HeadNormForwardLaunch
{
    public nint X;
    public nint W;
    public nint Y;
    public nint Rstd;
    public int Rows;
    public int Heads;
    public int HeadDim;
    public int XStride;
    public int YStride;
    public float Epsilon;
}

/// <summary>HeadNormBackwardArgs of head_norm.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct HeadNormBackwardLaunch
{
    public nint DY;
    public nint X;
    public nint W;
    public nint Rstd;
    public nint DX;
    public int Rows;
    public int Heads;
    public int HeadDim;
    public int DYStride;
    public int XStride;
    public int DXStride;
}

/// <summary>HeadNormWeightArgs of head_norm.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct HeadNormWeightLaunch
{
    public nint DY;
    public nint X;
    public nint Rstd;
    public nint Partial;
    public int Rows;
    public int Heads;
    public int HeadDim;
    public int DYStride;
    public int XStride;
    public int RowsPerSplit;
}
