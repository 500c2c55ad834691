namespace Rm.Kernels.Cpu.Gemm;

/// <summary>
/// A register-tiled inner product of a few rows of A and 32 columns of B. Every element of the tile is one chain of fused
/// multiply-adds in increasing k, so all kernels give the same bits.
/// </summary>
internal unsafe interface IMicroKernel
{
    /// <summary>Columns of a tile and of a B panel; the same for all kernels, so that a packed matrix serves each of them.</summary>
    const int PanelColumns = 32;

    /// <summary>Rows of a full tile.</summary>
    static abstract int TileRows { get; }

    /// <summary>The smallest tile height that holds <paramref name="rows"/> rows (1 to <see cref="TileRows"/>).</summary>
    static abstract int TileHeight(int rows);

    /// <summary>C [height, 32] = start + sum over K of A[k, :height]^T B[k, :32], then the same over the extension.</summary>
    static abstract void Run(int height, in TileArguments t);
}

/// <summary>Operands of one tile. All have 32 contiguous columns a row.</summary>
internal unsafe struct TileArguments
{
    /// <summary>A, [K, height] with rows <see cref="AStride"/> elements apart.</summary>
    public float* A;

    /// <summary>B, [K, 32] with rows <see cref="BStride"/> elements apart.</summary>
    public float* B;

    /// <summary>Elements from one k to the next in A and in the extension's A.</summary>
    public nint AStride;

    /// <summary>Elements from one k to the next in B; the extension's B is a panel of stride 32.</summary>
    public nint BStride;

    /// <summary>Steps of the main product, may be 0.</summary>
    public int K;

    /// <summary>Steps of the extension, may be 0.</summary>
    public int ExtensionK;

    /// <summary>The extension's A, [ExtensionK, height].</summary>
    public float* ExtensionA;

    /// <summary>The extension's B, [ExtensionK, 32].</summary>
    public float* ExtensionB;

    /// <summary>C tile, [height, 32].</summary>
    public float* C;

    /// <summary>Elements between rows of C.</summary>
    public nint CStride;

    /// <summary>What the chains start from, [height, 32], may be C; null for 0.</summary>
    public float* Start;

    /// <summary>Elements between rows of the start.</summary>
    public nint StartStride;
}
