using System.Runtime.Intrinsics.X86;

namespace Rm.Kernels.Cpu.Gemm;

/// <summary>The instruction set that matrix products run on. All give the same bits.</summary>
public enum GemmPath
{
    /// <summary>One element at a time, on any processor.</summary>
    Scalar,

    /// <summary>AVX2 with FMA, tiles of 6 x 16.</summary>
    Avx2,

    /// <summary>AVX-512F, tiles of 14 x 32.</summary>
    Avx512,
}

/// <summary>What this processor has of <see cref="GemmPath"/>.</summary>
public static class GemmPaths
{
    /// <summary>The fastest path that this processor runs.</summary>
    public static GemmPath Best { get; } =
        IsSupported(GemmPath.Avx512) ? GemmPath.Avx512 : IsSupported(GemmPath.Avx2) ? GemmPath.Avx2 : GemmPath.Scalar;

    /// <summary>Whether this processor runs <paramref name="path"/>.</summary>
    public static bool IsSupported(GemmPath path) => path switch
    {
        GemmPath.Scalar => true,
        GemmPath.Avx2 => Avx2.IsSupported && Fma.IsSupported,
        GemmPath.Avx512 => Avx512F.IsSupported && Avx2.IsSupported && Fma.IsSupported,
        _ => false,
    };
}
