using Rm.Kernels.Cpu.Attention;

namespace Rm.Kernels.Cpu.DeltaRule;

/// <summary>
/// Products of a chunk's matrices, by <see cref="TileProduct"/>: rows in fours, columns in vectors, zeros in the padding.
/// </summary>
internal static unsafe class ChunkProduct
{
    /// <summary>C <c>[rows, columns]</c> (+)= A <c>[rows, depth]</c> B <c>[depth, columns]</c>.</summary>
    public static void Full(float* a, nint aRow, nint aStep, float* b, int columns, float* c, int rows, int depth, bool accumulate)
    {
        for (int r = 0; r < rows; r += TileProduct.Rows)
        {
            TileProduct.FourRows(
                a + (r * aRow), aRow, aStep, b, columns, c + ((nint)r * columns), columns, depth, columns / VectorMath.Lanes, accumulate);
        }
    }

    /// <summary>
    /// C += A B for a lower triangular A with rows <paramref name="stride"/> apart: what is above the diagonal must be zero.
    /// </summary>
    public static void Lower(float* a, int stride, float* b, int columns, float* c, int rows)
    {
        for (int r = 0; r < rows; r += TileProduct.Rows)
        {
            TileProduct.FourRows(
                a + ((nint)r * stride), stride, 1, b, columns, c + ((nint)r * columns), columns, Math.Min(rows, r + TileProduct.Rows),
                columns / VectorMath.Lanes, accumulate: true);
        }
    }

    /// <summary>C += A^T B for the same A.</summary>
    public static void LowerTransposed(float* a, int stride, float* b, int columns, float* c, int rows)
    {
        for (int r = 0; r < rows; r += TileProduct.Rows)
        {
            TileProduct.FourRows(
                a + ((nint)r * stride) + r, 1, stride, b + ((nint)r * columns), columns, c + ((nint)r * columns), columns, rows - r,
                columns / VectorMath.Lanes, accumulate: true);
        }
    }

    /// <summary>to <c>[columns, toStride]</c> = the transpose of from <c>[rows, columns]</c>; rows is a multiple of 16.</summary>
    public static void Transpose(float* from, int rows, int columns, float* to, int toStride)
    {
        for (int r = 0; r < rows; r += VectorMath.Lanes)
        {
            float* block = from + ((nint)r * columns);
            for (int c = 0; c < columns; c++)
            {
                float* line = to + ((nint)c * toStride) + r;
                for (int i = 0; i < VectorMath.Lanes; i++)
                {
                    line[i] = block[(i * columns) + c];
                }
            }
        }
    }
}
