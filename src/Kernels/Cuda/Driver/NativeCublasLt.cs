using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Rm.Kernels.Cuda.Driver;

/// <summary>Imports of cuBLASLt, NVIDIA's matrix products, with the names and numbers that versions 12 and 13 share.</summary>
internal static unsafe partial class NativeCublasLt
{
    /// <summary>CUDA_R_32F.</summary>
    public const int TypeF32 = 0;

    /// <summary>CUDA_R_16BF.</summary>
    public const int TypeBF16 = 14;

    /// <summary>CUBLAS_COMPUTE_32F.</summary>
    public const int ComputeF32 = 68;

    /// <summary>CUBLAS_OP_T.</summary>
    public const int OperationTranspose = 1;

    /// <summary>CUBLASLT_MATMUL_DESC_TRANSA, an int; CUBLAS_OP_N unless it is set.</summary>
    public const int DescTransposeA = 3;

    /// <summary>CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, 64 bits.</summary>
    public const int PreferenceMaxWorkspace = 1;

    /// <summary>CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, 32 bits.</summary>
    public const int PreferenceReductionMask = 3;

    /// <summary>CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, 32 bits; those of B, C and D follow.</summary>
    public const int PreferenceAlignmentA = 5;

    /// <summary>CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE: partial sums in float32 in the workspace.</summary>
    public const uint ReductionComputeType = 2;

    [LibraryImport(CudaLibraries.CublasLt)]
    public static partial CublasStatus cublasLtCreate(nint* handle);

    [LibraryImport(CudaLibraries.CublasLt)]
    public static partial CublasStatus cublasLtDestroy(nint handle);

    [LibraryImport(CudaLibraries.CublasLt)]
    public static partial nuint cublasLtGetVersion();

    [LibraryImport(CudaLibraries.CublasLt)]
    public static partial CublasStatus cublasLtMatmulDescCreate(nint* description, int computeType, int scaleType);

    [LibraryImport(CudaLibraries.CublasLt)]
    public static partial CublasStatus cublasLtMatmulDescDestroy(nint description);

    [LibraryImport(CudaLibraries.CublasLt)]
    public static partial CublasStatus cublasLtMatmulDescSetAttribute(nint description, int attribute, void* value, nuint bytes);

    [LibraryImport(CudaLibraries.CublasLt)]
    public static partial CublasStatus cublasLtMatrixLayoutCreate(nint* layout, int type, ulong rows, ulong columns, long leading);

    [LibraryImport(CudaLibraries.CublasLt)]
    public static partial CublasStatus cublasLtMatrixLayoutDestroy(nint layout);

    [LibraryImport(CudaLibraries.CublasLt)]
    public static partial CublasStatus cublasLtMatmulPreferenceCreate(nint* preference);

    [LibraryImport(CudaLibraries.CublasLt)]
    public static partial CublasStatus cublasLtMatmulPreferenceDestroy(nint preference);

    [LibraryImport(CudaLibraries.CublasLt)]
    public static partial CublasStatus cublasLtMatmulPreferenceSetAttribute(nint preference, int attribute, void* value, nuint bytes);

    [LibraryImport(CudaLibraries.CublasLt)]
    public static partial CublasStatus cublasLtMatmulAlgoGetHeuristic(
        nint handle, nint description, nint a, nint b, nint c, nint d, nint preference, int requested, NativeCublasLtHeuristic* results,
        int* count);

    [LibraryImport(CudaLibraries.CublasLt)]
    public static partial CublasStatus cublasLtMatmul(
        nint handle, nint description, float* alpha, nint a, nint aLayout, nint b, nint bLayout, float* beta, nint c, nint cLayout,
        nint d, nint dLayout, NativeCublasLtAlgorithm* algorithm, nint workspace, nuint workspaceBytes, nint stream);
}

/// <summary>cublasLtMatmulAlgo_t: opaque; the library lets callers copy it.</summary>
[InlineArray(8)]
internal struct NativeCublasLtAlgorithm
{
    private ulong _first;
}

/// <summary>cublasLtMatmulHeuristicResult_t.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeCublasLtHeuristic
{
    public NativeCublasLtAlgorithm Algorithm;
    public nuint WorkspaceBytes;
    public CublasStatus State;
    public float WavesCount;
    public fixed int Reserved[4];
}
