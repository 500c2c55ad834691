using System.Runtime.Intrinsics;

namespace Rm.Kernels.Cpu.Gemm;

/// <summary>Moves a tile between C and the scratch that kernels compute in, where edges of C need no special case.</summary>
internal static unsafe class TileEpilogue
{
    /// <summary>Reads the valid part of a tile of C into <paramref name="tile"/>, [rows, 32].</summary>
    public static void Load(in GemmPlan p, int row, int rows, int column, float* tile)
    {
        int columns = Math.Min(IMicroKernel.PanelColumns, p.N - column);
        for (int i = 0; i < rows; i++)
        {
            float* c = p.C + ((row + i) * p.CStride) + column;
            new ReadOnlySpan<float>(c, columns).CopyTo(new Span<float>(tile + (i * IMicroKernel.PanelColumns), columns));
        }
    }

    /// <summary>C = (tile + bias) + residual for the valid part of a tile.</summary>
    public static void Store(in GemmPlan p, int row, int rows, int column, float* tile)
    {
        int columns = Math.Min(IMicroKernel.PanelColumns, p.N - column);
        float* bias = p.Bias == null ? null : p.Bias + column;
        for (int i = 0; i < rows; i++, tile += IMicroKernel.PanelColumns)
        {
            float* c = p.C + ((row + i) * p.CStride) + column;
            float* residual = p.Residual == null ? null : p.Residual + ((row + i) * p.ResidualStride) + column;
            int j = 0;
            for (; j + Vector256<float>.Count <= columns; j += Vector256<float>.Count)
            {
                Vector256<float> value = Vector256.Load(tile + j);
                if (bias != null)
                {
                    value += Vector256.Load(bias + j);
                }

                if (residual != null)
                {
                    value += Vector256.Load(residual + j);
                }

                value.Store(c + j);
            }

            for (; j < columns; j++)
            {
                float value = tile[j];
                if (bias != null)
                {
                    value += bias[j];
                }

                if (residual != null)
                {
                    value += residual[j];
                }

                c[j] = value;
            }
        }
    }
}
