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
    /// <exception cref="ArgumentException">A tensor's type, shape or alignment is not the kernel's.</exception>
    public void Forward(SwiGluForwardArgs args)
    {
        using NvtxRange range = new("swiglu_forward"u8);
        (int rows, int features) = (args.Y.Rows, args.Y.Columns);
        Check(nameof(args.GateUp), args.GateUp, rows, 2 * features, features);
        Check(nameof(args.Y), args.Y, rows, features, features);
        if (rows != 0)
        {
            (args.Activation == GateActivation.Silu ? _forward : Gelu().Forward)
                .Launch(_session.Stream, Shape(rows, features), args.GateUp.Address, args.Y.Address, features);
        }
    }

    /// <summary>DGateUp of <see cref="SwiGluBackwardArgs"/>.</summary>
    /// <exception cref="ArgumentException">A tensor's type, shape or alignment is not the kernel's.</exception>
    public void Backward(SwiGluBackwardArgs args)
    {
        using NvtxRange range = new("swiglu_backward"u8);
        (int rows, int features) = (args.DY.Rows, args.DY.Columns);
        Check(nameof(args.DY), args.DY, rows, features, features);
        Check(nameof(args.GateUp), args.GateUp, rows, 2 * features, features);
        Check(nameof(args.DGateUp), args.DGateUp, rows, 2 * features, features);
        if (rows != 0)
        {
            (args.Activation == GateActivation.Silu ? _backward : Gelu().Backward).Launch(
                _session.Stream, Shape(rows, features), args.DY.Address, args.GateUp.Address, args.DGateUp.Address, features);
        }
    }

    private (CudaKernel Forward, CudaKernel Backward) Gelu() =>
        _gelu ??= (_session.Kernels.Get($"geglu_forward_{_suffix}"), _session.Kernels.Get($"geglu_backward_{_suffix}"));

    private void Check(string name, Tensor tensor, int rows, int columns, int features)
    {
        LaunchChecks.Contiguous(name, tensor, _dtype, rows, columns);
        if (Packet(features) > 1)
        {
            LaunchChecks.Packets(name, tensor);
        }
    }

    private LaunchShape Shape(int rows, int features) =>
        new(new Dim3((uint)rows, (uint)LaunchChecks.Blocks(features, Threads * Packet(features))), Threads);

    // Elements that a thread handles: 16 bytes of them where rows are whole packets.
    private int Packet(int features)
    {
        int count = LaunchChecks.PacketBytes / _dtype.Size();
        return features % count == 0 ? count : 1;
    }
}
