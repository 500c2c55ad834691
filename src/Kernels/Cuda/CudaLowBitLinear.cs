using System.Runtime.InteropServices;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// Launchers of native/cuda/linear_low_bit.cu: the products of <see cref="CudaLinear"/> with a weight that lies in memory in few bits.
/// </summary>
internal sealed class CudaLowBitLinear(CudaSession session) : IFrozenProduct<CudaLowBitWeight>
{
    private readonly Dictionary<(LowBitCode, bool), CudaKernel> _kernels = [];

    /// <inheritdoc/>
    public void Forward(Tensor x, CudaLowBitWeight weight, (Tensor S, Tensor B)? extension, Tensor? bias, Tensor? residual, Tensor y)
    {
        using NvtxRange range = new("linear_forward_low_bit"u8);
        CudaLinear.CheckForward(x, weight, extension, bias);
        Launch(weight, backward: false, CudaLinear.Describe((x, null), extension, bias, residual, y, weight.OutFeatures));
    }

    /// <inheritdoc/>
    public void InputGradient(Tensor dY, CudaLowBitWeight weight, (Tensor DS, Tensor A)? extension, bool accumulate, Tensor dX)
    {
        using NvtxRange range = new("linear_backward_low_bit"u8);
        CudaLinear.CheckInputGradient(dY, weight, extension);
        Launch(weight, backward: true,
            CudaLinear.Describe((dY, null), extension, bias: null, accumulate ? dX : null, dX, weight.InFeatures));
    }

    /// <summary>Name of a kernel, without its variant.</summary>
    public static string KernelName(LowBitCode code, bool backward) =>
        $"linear_{(backward ? "backward" : "forward")}_bf16_{code.ToString().ToLowerInvariant()}";

    private void Launch(CudaLowBitWeight weight, bool backward, in LinearLaunch linear)
    {
        if (linear.M != 0)
        {
            Kernel(weight.Layout.Code, backward).Launch(
                session.Stream, CudaLinear.Shape(linear), new LowBitLinearLaunch { Linear = linear, Weight = weight.Describe() });
        }
    }

    // Few runs have such weights: their kernels are loaded when they are first needed.
    private CudaKernel Kernel(LowBitCode code, bool backward)
    {
        if (!_kernels.TryGetValue((code, backward), out CudaKernel? kernel))
        {
            kernel = session.Kernels.Get(KernelName(code, backward));
            kernel.AllowSharedMemory(CudaLinear.SharedBytes);
            _kernels.Add((code, backward), kernel);
        }

        return kernel;
    }
}

/// <summary>LowBitWeight of common/low_bit.cuh.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LowBitWeightLaunch
{
    public nint Codes;
    public nint Scales;
    public nint ScaleCodes;
    public nint RowScales;
    public nint Tables;
    public int Rows;
    public int Columns;
    public int BlockShift;
    public int ScaleStride;
    public int Groups;
    public int GroupShift;
}

/// <summary>LowBitLinearArgs of linear_low_bit.cu.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct LowBitLinearLaunch
{
    public LinearLaunch Linear;
    public LowBitWeightLaunch Weight;
}
