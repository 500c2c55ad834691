using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>Launchers of native/cuda/causal_conv.cu, for one activation type.</summary>
internal sealed class CudaCausalConv
{
    private const int Threads = 128;

    private readonly CudaSession _session;
    private readonly DType _dtype;
    private readonly CudaKernel _forward;
    private readonly CudaKernel _backward;
    private readonly CudaKernel _reduce;

    /// <summary>Loads the kernels for activations of <paramref name="dtype"/>.</summary>
    public CudaCausalConv(CudaSession session, DType dtype)
    {
        string suffix = LaunchChecks.Suffix(dtype);
        _session = session;
        _dtype = dtype;
        _forward = session.Kernels.Get($"causal_conv_forward_{suffix}");
        _backward = session.Kernels.Get($"causal_conv_backward_{suffix}");
        _reduce = session.Kernels.Get("rms_norm_backward_f32_reduce");
    }

    /// <summary>Y of <see cref="CausalConvForwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape, or the filter's width, does not fit.</exception>
    public void Forward(CausalConvForwardArgs args)
    {
        using NvtxRange range = new("causal_conv_forward"u8);
        (int tokens, int columns, int width) = Sizes(args.Layout, args.X, args.W);
        LaunchChecks.Strided(nameof(args.Y), args.Y, _dtype, tokens, columns);
        if (tokens == 0 || columns == 0)
        {
            return;
        }

        CudaSegmentLists lists = CudaPreparedLayout.Own(args.Layout).SegmentLists();
        CausalConvForwardLaunch launch = new()
        {
            X = args.X.Address,
            W = args.W.Address,
            Y = args.Y.Address,
            Tiles = lists.Tiles.Address,
            Columns = columns,
            Width = width,
            XStride = args.X.RowStride,
            YStride = args.Y.RowStride,
        };
        _forward.Launch(_session.Stream, Shape(lists, columns), launch);
    }

    /// <summary>DX, and DW unless it is frozen, of <see cref="CausalConvBackwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape, or the filter's width, does not fit.</exception>
    public void Backward(CausalConvBackwardArgs args)
    {
        using NvtxRange range = new("causal_conv_backward"u8);
        (int tokens, int columns, int width) = Sizes(args.Layout, args.X, args.W);
        LaunchChecks.Strided(nameof(args.DY), args.DY, _dtype, tokens, columns);
        LaunchChecks.Strided(nameof(args.DX), args.DX, _dtype, tokens, columns);
        if (args.DW is { } checkedWeight)
        {
            LaunchChecks.Contiguous(nameof(args.DW), checkedWeight, DType.F32, columns, width);
        }

        if (tokens == 0 || columns == 0)
        {
            return;
        }

        CudaSegmentLists lists = CudaPreparedLayout.Own(args.Layout).SegmentLists();
        int weights = checked(columns * width);
        Tensor? partial = args.DW is null ? null : _session.Workspace(new Shape(lists.TileCount, weights));
        CausalConvBackwardLaunch launch = new()
        {
            DY = args.DY.Address,
            X = args.X.Address,
            W = args.W.Address,
            DX = args.DX.Address,
            Partial = partial?.Address ?? 0,
            Tiles = lists.Tiles.Address,
            Tails = lists.TailRows.Address,
            Columns = columns,
            Width = width,
            DYStride = args.DY.RowStride,
            XStride = args.X.RowStride,
            DXStride = args.DX.RowStride,
        };
        _backward.Launch(_session.Stream, Shape(lists, columns), launch);
        if (args.DW is { } dw)
        {
            _reduce.Launch(
                _session.Stream, new LaunchShape(LaunchChecks.Blocks(weights, Threads), Threads), partial!.Value.Address, dw.Address,
                lists.TileCount, weights);
        }
    }

    private (int Tokens, int Columns, int Width) Sizes(PreparedLayout layout, Tensor x, Tensor w)
    {
        int tokens = layout.Layout.TokenCount;
        LaunchChecks.Strided("X", x, _dtype, tokens, x.Columns);
        if (w.Columns is < 1 or > CausalConvForwardArgs.MaxWidth)
        {
            throw new ArgumentException(
                $"W must have shape [{x.Columns}, 1 to {CausalConvForwardArgs.MaxWidth}], not {w.Shape}.", nameof(w));
        }

        LaunchChecks.Contiguous("W", w, DType.F32, x.Columns, w.Columns);
        return (tokens, x.Columns, w.Columns);
    }

    private static LaunchShape Shape(CudaSegmentLists lists, int columns) =>
        new(new Dim3((uint)lists.TileCount, (uint)LaunchChecks.Blocks(columns, Threads)), Threads);
}

/// <summary>CausalConvForwardArgs of causal_conv.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CausalConvForwardLaunch
{
    public nint X;
    public nint W;
    public nint Y;
    public nint Tiles;
    public int Columns;
    public int Width;
    public int XStride;
    public int YStride;
}

/// <summary>CausalConvBackwardArgs of causal_conv.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CausalConvBackwardLaunch
{
    public nint DY;
    public nint X;
    public nint W;
    public nint DX;
    public nint Partial;
    public nint Tiles;
    public nint Tails;
    public int Columns;
    public int Width;
    public int DYStride;
    public int XStride;
    public int DXStride;
}
