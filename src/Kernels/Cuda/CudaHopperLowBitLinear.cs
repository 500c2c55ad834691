using Rm.Kernels.Ops;

namespace Rm.Kernels.Cuda;

/// <summary>
/// Launchers of native/cuda/linear_hopper_low_bit.cu: the products of <see cref="CudaHopperLinear"/> with a weight that lies in memory in
/// few bits.
/// </summary>
internal sealed class CudaHopperLowBitLinear(CudaSession session) : CudaHopperProduct<CudaLowBitWeight>(session)
{
    // Beside the ring: 16 values of codes and 256 of scales.
    private const int SharedBytes = RingBytes + ((16 + 256) * sizeof(float));

    private readonly Dictionary<(LowBitCode, HopperLayer), CudaKernel> _kernels = [];

    /// <inheritdoc/>
    protected override void Launch(
        HopperLayer layer, (int Blocks, int Threads) shape, CudaLowBitWeight weight, in HopperMaps maps, in HopperLinearLaunch launch) =>
        Kernel(weight.Layout.Code, layer).Launch(
            Session.Stream, new LaunchShape(shape.Blocks, shape.Threads, SharedBytes), maps.A, maps.A2, maps.B2, launch,
            weight.Describe());

    // Few runs have such weights: their kernels are loaded when they are first needed.
    private CudaKernel Kernel(LowBitCode code, HopperLayer layer)
    {
        if (!_kernels.TryGetValue((code, layer), out CudaKernel? kernel))
        {
            string variant = layer == HopperLayer.SwiGlu ? "_wgmma_swiglu" : "_wgmma";
            kernel = Load(Session, CudaLowBitLinear.KernelName(code, layer == HopperLayer.Backward) + variant, SharedBytes);
            _kernels.Add((code, layer), kernel);
        }

        return kernel;
    }
}
