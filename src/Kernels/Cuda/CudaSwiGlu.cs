using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>Launchers of native/cuda/swiglu.cu, for one activation type.</summary>
internal sealed class CudaSwiGlu
{
    private const int Threads = 256;

    private readonly CudaSession _session;
    private readonly DType _dtype;
    private readonly string _suffix;
    private readonly CudaKernel _forward;
    private readonly CudaKernel _backward;
    private (CudaKernel Forward, CudaKernel Backward)? _gelu;

    /// <summary>Loads the kernels for activations of <paramref name="dtype"/>.</summary>
    public CudaSwiGlu(CudaSession session, DType dtype)
    {
        string suffix = LaunchChecks.Suffix(dtype);
        _session = session;
        _dtype = dtype;
        _suffix = suffix;
        _forward = session.Kernels.Get($"swiglu_forward_{suffix}");
        _backward = session.Kernels.Get($"swiglu_backward_{suffix}");
    }

    /// <summary>Y of <see cref="SwiGluForwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape is not the kernel's.</exception>
    public void Forward(SwiGluForwardArgs args)
    {
        using NvtxRange range = new("swiglu_forward"u8);
        (int rows, int features) = (args.Y.Rows, args.Y.Columns);
        LaunchChecks.Strided(nameof(args.GateUp), args.GateUp, _dtype, rows, 2 * features);
        LaunchChecks.Contiguous(nameof(args.Y), args.Y, _dtype, rows, features);
        if (rows != 0)
        {
            int packet = LaunchChecks.PacketOf(features, args.GateUp, args.Y);
            (args.Activation == GateActivation.Silu ? _forward : Gelu().Forward).Launch(
                _session.Stream, Shape(rows, features, packet), args.GateUp.Address, args.Y.Address, features, args.GateUp.RowStride,
                packet > 1 ? 1 : 0);
        }
    }

    /// <summary>DGateUp of <see cref="SwiGluBackwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type or shape is not the kernel's.</exception>
    public void Backward(SwiGluBackwardArgs args)
    {
        using NvtxRange range = new("swiglu_backward"u8);
        (int rows, int features) = (args.DY.Rows, args.DY.Columns);
        LaunchChecks.Contiguous(nameof(args.DY), args.DY, _dtype, rows, features);
        LaunchChecks.Strided(nameof(args.GateUp), args.GateUp, _dtype, rows, 2 * features);
        LaunchChecks.Strided(nameof(args.DGateUp), args.DGateUp, _dtype, rows, 2 * features);
        if (rows != 0)
        {
            int packet = LaunchChecks.PacketOf(features, args.DY, args.GateUp, args.DGateUp);
            SwiGluBackwardLaunch launch = new()
            {
                DY = args.DY.Address,
                GateUp = args.GateUp.Address,
                DGateUp = args.DGateUp.Address,
                Features = features,
                GateUpStride = args.GateUp.RowStride,
                DGateUpStride = args.DGateUp.RowStride,
                Packed = packet > 1 ? 1 : 0,
            };
            (args.Activation == GateActivation.Silu ? _backward : Gelu().Backward)
                .Launch(_session.Stream, Shape(rows, features, packet), launch);
        }
    }

    private (CudaKernel Forward, CudaKernel Backward) Gelu() =>
        _gelu ??= (_session.Kernels.Get($"geglu_forward_{_suffix}"), _session.Kernels.Get($"geglu_backward_{_suffix}"));

    private static LaunchShape Shape(int rows, int features, int packet) =>
        new(new Dim3((uint)rows, (uint)LaunchChecks.Blocks(features, Threads * packet)), Threads);
}

/// <summary>SwiGluBackwardArgs of swiglu.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SwiGluBackwardLaunch
{
    public nint DY;
    public nint GateUp;
    public nint DGateUp;
    public int Features;
    public int GateUpStride;
    public int DGateUpStride;
    public int Packed;
}
