using System.Runtime.InteropServices;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>CUtensorMap: what a bulk tensor copy needs to know of a tensor, in a form of the driver's own.</summary>
[StructLayout(LayoutKind.Sequential, Size = 128)]
internal struct NativeTensorMap
{
    /// <summary>Alignment that the driver wants of a map that it fills in.</summary>
    public const int Alignment = 64;
}

/// <summary>
/// Matrices that bulk copies take boxes of 128 bytes by some rows from, in the 128-byte swizzle; what lies outside arrives as zeros.
/// </summary>
/// <param name="Address">First element, a multiple of 16 bytes.</param>
/// <param name="Rows">Rows of the matrix.</param>
/// <param name="Columns">bfloat16 elements of a row.</param>
/// <param name="RowBytes">Bytes from row to row, a multiple of 16.</param>
/// <param name="BoxRows">Rows of a box, at most 256.</param>
internal readonly record struct TensorMapLayout(nint Address, int Rows, int Columns, long RowBytes, int BoxRows)
{
    /// <summary>Columns of a box: as many bfloat16 as the swizzle is wide.</summary>
    public const int BoxColumns = 64;

    // CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, _SWIZZLE_128B, _L2_PROMOTION_L2_128B.
    private const int BFloat16 = 9;
    private const int Swizzle128 = 3;
    private const int Promotion128 = 2;

    /// <summary>Encodes the map by btrm's own import; no context is needed.</summary>
    public unsafe CudaResult Encode(NativeTensorMap* map)
    {
        ulong* sizes = stackalloc ulong[] { (ulong)Columns, (ulong)Rows };
        ulong strides = (ulong)RowBytes;
        uint* box = stackalloc uint[] { BoxColumns, (uint)BoxRows };
        uint* steps = stackalloc uint[] { 1, 1 };
        return NativeCuda.cuTensorMapEncodeTiled(map, BFloat16, 2, Address, sizes, &strides, box, steps, 0, Swizzle128, Promotion128, 0);
    }
}
