namespace Rm.Kernels.Cpu.Gemm;

/// <summary>One product as pointers and block sizes, shared by the threads that compute it.</summary>
internal unsafe struct GemmPlan
{
    /// <summary>Rows of C.</summary>
    public int M;

    /// <summary>Columns of C.</summary>
    public int N;

    /// <summary>Length of the reduction.</summary>
    public int K;

    /// <summary>Length of the extension, 0 without one.</summary>
    public int R;

    /// <summary>Rows of a full tile.</summary>
    public int TileRows;

    /// <summary>Row tiles that one item of the loop computes.</summary>
    public int TilesPerItem;

    /// <summary>Panels of B that one item of the loop computes.</summary>
    public int PanelsPerItem;

    /// <summary>Most steps of the reduction between two visits of a tile.</summary>
    public int KBlock;

    /// <summary>A, [M, K], or [K, M] with <see cref="TransposeA"/>.</summary>
    public float* A;

    /// <summary>Elements between rows of A.</summary>
    public nint AStride;

    /// <summary>Whether A is given transposed.</summary>
    public bool TransposeA;

    /// <summary>Row tiles of A, one [K + R, height] after the other; filled by the product.</summary>
    public float* PackedA;

    /// <summary>Panels of B, float32 or bfloat16.</summary>
    public void* Panels;

    /// <summary>Whether <see cref="Panels"/> are bfloat16.</summary>
    public bool NarrowPanels;

    /// <summary>Left operand of the extension, [M, R].</summary>
    public float* S;

    /// <summary>Elements between rows of S.</summary>
    public nint SStride;

    /// <summary>Panels of the extension, [R, 32] each; filled by the product.</summary>
    public float* ExtensionPanels;

    /// <summary>First and end row of each extension panel that is not 0; filled by the product.</summary>
    public (int First, int End)* ExtensionRows;

    /// <summary>C, [M, N].</summary>
    public float* C;

    /// <summary>Elements between rows of C.</summary>
    public nint CStride;

    /// <summary>Whether C is added to.</summary>
    public bool Accumulate;

    /// <summary>[N] or null.</summary>
    public float* Bias;

    /// <summary>[M, N] or null.</summary>
    public float* Residual;

    /// <summary>Elements between rows of the residual.</summary>
    public nint ResidualStride;

    /// <summary>Row tiles of A.</summary>
    public readonly int RowTiles => (M + TileRows - 1) / TileRows;

    /// <summary>Panels of B.</summary>
    public readonly int ColumnPanels => (N + IMicroKernel.PanelColumns - 1) / IMicroKernel.PanelColumns;

    /// <summary>Elements between the tiles of <see cref="PackedA"/>.</summary>
    public readonly long TileElements => (long)TileRows * (K + R);
}
