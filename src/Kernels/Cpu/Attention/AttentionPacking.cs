namespace Rm.Kernels.Cpu.Attention;

/// <summary>Copies rows of K, V, Q and dO of one head into the compact, padded forms that <see cref="TileProduct"/> reads.</summary>
internal static unsafe class AttentionPacking
{
    /// <summary>One key block of a group, transposed: <c>[D, padded keys]</c>, zeros in the padding.</summary>
    public static void Transpose(AttentionProblem problem, F32View source, float* packed, int group, int segment, int block)
    {
        int width = problem.Keys.Width(segment, block);
        int padded = KeyBlocks.Padded(width);
        float* to = problem.Transposed(packed, group, segment, block);
        int firstRow = problem.Keys.Segments[segment].Start + (block * KeyBlocks.Size);
        int column = group * problem.HeadDim;

        // Sixteen keys at a time: writes fill cache lines, reads walk along sixteen rows.
        for (int key = 0; key < padded; key += VectorMath.Lanes)
        {
            int keys = Math.Min(VectorMath.Lanes, width - key);
            float* from = source[firstRow + key] + column;
            for (int d = 0; d < problem.HeadDim; d++)
            {
                float* line = to + ((long)d * padded) + key;
                for (int i = 0; i < keys; i++)
                {
                    line[i] = from[(i * source.Stride) + d];
                }

                for (int i = keys; i < VectorMath.Lanes; i++)
                {
                    line[i] = 0;
                }
            }
        }
    }

    /// <summary>One key block of a group by rows: <c>[padded keys, padded D]</c>, zeros in the padding.</summary>
    public static void CopyRows(AttentionProblem problem, F32View source, float* packed, int group, int segment, int block)
    {
        int width = problem.Keys.Width(segment, block);
        float* to = problem.Padded(packed, group, segment, block);
        int firstRow = problem.Keys.Segments[segment].Start + (block * KeyBlocks.Size);
        for (int key = 0; key < KeyBlocks.Padded(width); key++)
        {
            float* from = key < width ? source[firstRow + key] + (group * problem.HeadDim) : null;
            CopyRow(from, to + ((long)key * problem.PaddedDim), problem.HeadDim, problem.PaddedDim);
        }
    }

    /// <summary>The rows of a query block for the heads of a group, query by query: <c>[padded rows, padded D]</c>.</summary>
    public static void CopyQueries(AttentionProblem problem, F32View source, QueryBlocks.Block block, int group, float* tile)
    {
        int headsPerGroup = problem.HeadsPerGroup;
        int rows = block.Count * headsPerGroup;
        for (int m = 0; m < problem.PaddedTileRows(block.Count); m++)
        {
            float* from = m >= rows ? null : source[problem.Queries.Rows[block.Begin + (m / headsPerGroup)]]
                + (((group * headsPerGroup) + (m % headsPerGroup)) * problem.HeadDim);
            CopyRow(from, tile + ((long)m * problem.PaddedDim), problem.HeadDim, problem.PaddedDim);
        }
    }

    private static void CopyRow(float* from, float* to, int count, int padded)
    {
        if (from is null)
        {
            new Span<float>(to, padded).Clear();
            return;
        }

        new ReadOnlySpan<float>(from, count).CopyTo(new Span<float>(to, count));
        new Span<float>(to + count, padded - count).Clear();
    }
}
