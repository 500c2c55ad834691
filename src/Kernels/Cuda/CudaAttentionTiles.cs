using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// Tile sizes of the attention kernels for one storage type and head size: ForwardTiles and BackwardTiles of native/cuda/attention_*.cu,
/// which this repeats for the launches.
/// </summary>
/// <param name="DType">Storage type.</param>
/// <param name="PaddedDim">P of the kernels' names, the head size that they compute with.</param>
internal readonly record struct CudaAttentionTiles(DType DType, int PaddedDim)
{
    /// <summary>Largest head size that has kernels.</summary>
    public const int MaxHeadDim = 256;

    /// <summary>Tiles for heads of <paramref name="headDim"/>, 1 to <see cref="MaxHeadDim"/>.</summary>
    public static CudaAttentionTiles For(DType dtype, int headDim) => new(dtype, headDim <= 64 ? 64 : headDim <= 128 ? 128 : 256);

    /// <summary>Threads of a block.</summary>
    public int Threads => 32 * Warps;

    /// <summary>Queries of a block of the forward kernel.</summary>
    public int ForwardRows => 16 * Warps * (HalfWidth && PaddedDim == 64 ? 2 : 1);

    /// <summary>Dynamic shared memory of the forward kernel.</summary>
    public int ForwardSharedBytes =>
        ((ForwardRows + (4 * ForwardKeys)) * PaddedDim * DType.Size()) + (HalfWidth ? 0 : Warps * 16 * ForwardKeys * sizeof(float));

    /// <summary>Queries, or keys, of a block of the backward kernels.</summary>
    public int BackwardRows => 16 * Warps;

    /// <summary>Dynamic shared memory of either backward kernel.</summary>
    public int BackwardSharedBytes =>
        (((2 * BackwardRows) + (4 * BackwardMoving)) * PaddedDim * DType.Size())
        + (2 * 4 * BackwardMoving * sizeof(float)) + (HalfWidth ? 0 : Warps * 16 * BackwardMoving * sizeof(float));

    /// <summary>Blocks that share the columns of dK and dV of one block of keys.</summary>
    public int KeyParts => PaddedDim / Math.Min(PaddedDim, 128);

    /// <summary>Dynamic shared memory of the delta kernel.</summary>
    public int DeltaSharedBytes => 2 * BackwardRows * PaddedDim * DType.Size();

    private bool HalfWidth => DType == DType.BF16;

    private int Warps => HalfWidth || PaddedDim <= 128 ? 4 : 2;

    private int ForwardKeys => (HalfWidth, PaddedDim) switch
    {
        (true, 128) => 64,
        (true, _) or (false, 64) => 32,
        _ => 8,
    };

    private int BackwardMoving => (HalfWidth, PaddedDim) switch
    {
        (true, 64) => 64,
        (true, 128) => 32,
        (true, _) => 16,
        (false, 64) => 32,
        _ => 8,
    };
}
