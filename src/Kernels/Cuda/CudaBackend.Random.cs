using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <content>Random numbers made on the device, by native/cuda/random.cu.</content>
public sealed partial class CudaBackend : IRandomFill
{
    private const int RandomThreads = 256;
    private const int RandomsPerThread = 4;

    /// <inheritdoc/>
    public bool TryFillRandom(Tensor destination, float range, ulong seed)
    {
        using NvtxRange nvtx = new("random_forward"u8);
        if (destination.Shape.Count != 0)
        {
            CudaKernel kernel = Session.Kernels.Get($"random_forward_{LaunchChecks.Suffix(destination.DType)}");
            Dim3 grid = new((uint)destination.Rows, (uint)LaunchChecks.Blocks(destination.Columns, RandomThreads * RandomsPerThread));
            kernel.Launch(
                Session.Stream, new LaunchShape(grid, RandomThreads), destination.Address, destination.Columns, destination.RowStride,
                range, seed);
        }

        return true;
    }

    /// <inheritdoc/>
    public bool TryFillRandom(LinearWeight destination, float range, ulong seed) =>
        destination is CudaLinearWeight { IsTrainable: false } weight && TryFillRandom(Padded(weight.Values), range, seed);

    // With the padding behind each row, which kernels read in packets.
    private static Tensor Padded(Tensor values) =>
        new(values.Storage, values.ByteOffset, values.DType, new Shape(values.Rows, values.RowStride));
}
