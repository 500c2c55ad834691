using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Rm.Kernels.Cpu.Gemm;

/// <summary>Moves a tile between C and the scratch that kernels compute in, where edges of C need no special case.</summary>
internal static unsafe class TileEpilogue
{
    /// <summary>
    /// Asks for the cache lines of C (and of the residual) that <see cref="Store"/> will touch a whole tile's work later.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Prefetch(in GemmPlan p, int row, int rows, int column)
    {
        if (!Sse.IsSupported)
        {
            return;
        }

        const int floatsPerLine = 16;
        int last = Math.Min(IMicroKernel.PanelColumns, p.N - column) - 1;
        for (int i = 0; i < rows; i++)
        {
            float* c = p.C + ((row + i) * p.CStride) + column;
            Sse.Prefetch0(c);
            Sse.Prefetch0(c + Math.Min(floatsPerLine, last));
            Sse.Prefetch0(c + last);
            if (p.Residual != null)
            {
                float* residual = p.Residual + ((row + i) * p.ResidualStride) + column;
                Sse.Prefetch0(residual);
                Sse.Prefetch0(residual + Math.Min(floatsPerLine, last));
                Sse.Prefetch0(residual + last);
            }
        }
    }

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
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
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
                var value = Vector256.Load(tile + j);
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
