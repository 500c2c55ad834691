using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>Launchers of native/cuda/sigmoid_gate.cu, for one activation type.</summary>
internal sealed class CudaSigmoidGate
{
    private const int Threads = 256;

    private readonly CudaSession _session;
    private readonly DType _dtype;
    private readonly CudaKernel _forward;
    private readonly CudaKernel _backward;

    /// <summary>Loads the kernels for activations of <paramref name="dtype"/>.</summary>
    public CudaSigmoidGate(CudaSession session, DType dtype)
    {
        string suffix = LaunchChecks.Suffix(dtype);
        _session = session;
        _dtype = dtype;
        _forward = session.Kernels.Get($"sigmoid_gate_forward_{suffix}");
        _backward = session.Kernels.Get($"sigmoid_gate_backward_{suffix}");
    }

    /// <summary>Y of <see cref="SigmoidGateForwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape does not fit.</exception>
    public void Forward(SigmoidGateForwardArgs args)
    {
        using NvtxRange range = new("sigmoid_gate_forward"u8);
        (int rows, int columns) = (args.X.Rows, args.X.Columns);
        LaunchChecks.Strided(nameof(args.X), args.X, _dtype, rows, columns);
        LaunchChecks.Strided(nameof(args.Gate), args.Gate, _dtype, rows, columns);
        LaunchChecks.Strided(nameof(args.Y), args.Y, _dtype, rows, columns);
        if (rows == 0)
        {
            return;
        }

        int packet = LaunchChecks.PacketOf(columns, args.X, args.Gate, args.Y);
        SigmoidGateForwardLaunch launch = new()
        {
            X = args.X.Address,
            Gate = args.Gate.Address,
            Y = args.Y.Address,
            Columns = columns,
            XStride = args.X.RowStride,
            GateStride = args.Gate.RowStride,
            YStride = args.Y.RowStride,
            Packed = packet > 1 ? 1 : 0,
        };
        _forward.Launch(_session.Stream, Shape(rows, columns, packet), launch);
    }

    /// <summary>DX and DGate of <see cref="SigmoidGateBackwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape does not fit.</exception>
    public void Backward(SigmoidGateBackwardArgs args)
    {
        using NvtxRange range = new("sigmoid_gate_backward"u8);
        (int rows, int columns) = (args.X.Rows, args.X.Columns);
        LaunchChecks.Strided(nameof(args.DY), args.DY, _dtype, rows, columns);
        LaunchChecks.Strided(nameof(args.X), args.X, _dtype, rows, columns);
        LaunchChecks.Strided(nameof(args.Gate), args.Gate, _dtype, rows, columns);
        LaunchChecks.Strided(nameof(args.DX), args.DX, _dtype, rows, columns);
        LaunchChecks.Strided(nameof(args.DGate), args.DGate, _dtype, rows, columns);
        if (rows == 0)
        {
            return;
        }

        int packet = LaunchChecks.PacketOf(columns, args.DY, args.X, args.Gate, args.DX, args.DGate);
        SigmoidGateBackwardLaunch launch = new()
        {
            DY = args.DY.Address,
            X = args.X.Address,
            Gate = args.Gate.Address,
            DX = args.DX.Address,
            DGate = args.DGate.Address,
            Columns = columns,
            DYStride = args.DY.RowStride,
            XStride = args.X.RowStride,
            GateStride = args.Gate.RowStride,
            DXStride = args.DX.RowStride,
            DGateStride = args.DGate.RowStride,
            Packed = packet > 1 ? 1 : 0,
        };
        _backward.Launch(_session.Stream, Shape(rows, columns, packet), launch);
    }

    private static LaunchShape Shape(int rows, int columns, int packet) =>
        new(new Dim3((uint)rows, (uint)LaunchChecks.Blocks(columns, Threads * packet)), Threads);
}

/// <summary>SigmoidGateForwardArgs of sigmoid_gate.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SigmoidGateForwardLaunch
{
    public nint X;
    public nint Gate;
    public nint Y;
    public int Columns;
    public int XStride;
    public int GateStride;
    public int YStride;
    public int Packed;
}

/// <summary>SigmoidGateBackwardArgs of sigmoid_gate.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SigmoidGateBackwardLaunch
{
    public nint DY;
    public nint X;
    public nint Gate;
    public nint DX;
    public nint DGate;
    public int Columns;
    public int DYStride;
    public int XStride;
    public int GateStride;
    public int DXStride;
    public int DGateStride;
    public int Packed;
}
