using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Cuda;

/// <summary>
/// Launchers of native/cuda/linear_hopper.cu: the products of <see cref="CudaLinear"/> on wgmma and TMA, for GPUs of compute capability
/// 9.0.
/// </summary>
internal sealed class CudaHopperLinear : CudaHopperProduct<CudaLinearWeight>
{
    private readonly CudaKernel _forward;
    private readonly CudaKernel _swiGlu;
    private readonly CudaKernel _backward;

    /// <summary>Loads the kernels.</summary>
    /// <exception cref="NotSupportedException">The GPU is not of compute capability 9.0.</exception>
    public CudaHopperLinear(CudaSession session)
        : base(session)
    {
        _forward = Load(session, "linear_forward_bf16_wgmma", RingBytes);
        _swiGlu = Load(session, "linear_forward_bf16_wgmma_swiglu", RingBytes);
        _backward = Load(session, "linear_backward_bf16_wgmma", RingBytes);
    }

    /// <inheritdoc/>
    protected override void Launch(
        HopperLayer layer, (int Blocks, int Threads) shape, CudaLinearWeight weight, in HopperMaps maps, in HopperLinearLaunch launch)
    {
        bool isExtended = launch.ExtensionK != 0;
        NativeTensorMap right = MapRight(layer, "the right operand", weight.Values);
        CudaKernel kernel = layer switch { HopperLayer.Forward => _forward, HopperLayer.SwiGlu => _swiGlu, _ => _backward };
        kernel.Launch(
            Session.Stream, new LaunchShape(shape.Blocks, shape.Threads, RingBytes), maps.A, right, maps.A2,
            isExtended ? maps.B2 : right, launch);
    }
}
