namespace Rm.Kernels.Cpu.Gemm;

/// <summary>Tiles of 4 x 32 without vectors, four chains at a time. Without FMA hardware the runtime emulates the fused rounding.</summary>
internal readonly unsafe struct ScalarKernel : IMicroKernel
{
    /// <inheritdoc/>
    public static int TileRows => 4;

    /// <inheritdoc/>
    public static int TileHeight(int rows) => rows;

    /// <inheritdoc/>
    public static void Run(int height, in TileArguments t)
    {
        for (int row = 0; row < height; row++)
        {
            for (int column = 0; column < IMicroKernel.PanelColumns; column += 4)
            {
                float* c = t.C + (row * t.CStride) + column;
                float c0 = 0, c1 = 0, c2 = 0, c3 = 0;
                if (t.Start != null)
                {
                    float* start = t.Start + (row * t.StartStride) + column;
                    (c0, c1, c2, c3) = (start[0], start[1], start[2], start[3]);
                }

                Chain(t.A + row, t.AStride, t.B + column, t.BStride, t.K, ref c0, ref c1, ref c2, ref c3);
                Chain(t.ExtensionA + row, t.AStride, t.ExtensionB + column, IMicroKernel.PanelColumns, t.ExtensionK, ref c0, ref c1,
                    ref c2, ref c3);
                (c[0], c[1], c[2], c[3]) = (c0, c1, c2, c3);
            }
        }
    }

    private static void Chain(
        float* a, nint aStride, float* b, nint bStride, int depth, ref float c0, ref float c1, ref float c2, ref float c3)
    {
        for (int k = 0; k < depth; k++, a += aStride, b += bStride)
        {
            c0 = MathF.FusedMultiplyAdd(*a, b[0], c0);
            c1 = MathF.FusedMultiplyAdd(*a, b[1], c1);
            c2 = MathF.FusedMultiplyAdd(*a, b[2], c2);
            c3 = MathF.FusedMultiplyAdd(*a, b[3], c3);
        }
    }
}
