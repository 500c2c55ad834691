using Rm.Kernels.Ops;

namespace Rm.Training.LowBit;

/// <summary>
/// Scales of blocks that are themselves codes ("double quantisation", Dettmers et al. 2023): scale = map[code] * nested[block / size] +
/// offset, product and sum each rounded to float32. Blocks run on over the ends of rows.
/// </summary>
/// <param name="Codes">One a block.</param>
/// <param name="Map">256 values.</param>
/// <param name="Nested">One for every <paramref name="Size"/> blocks.</param>
/// <param name="Size">Blocks with one nested scale.</param>
/// <param name="Offset">Of all scales.</param>
internal sealed record NestedScales(byte[] Codes, float[] Map, float[] Nested, int Size, float Offset)
{
    /// <summary>All scales.</summary>
    public float[] Values() => [.. Codes.Select((code, block) => (float)(Map[code] * Nested[block / Size]) + Offset)];

    /// <summary>What <see cref="LowBitRows.RowScales"/> holds of rows with this many blocks each.</summary>
    public float[] OfRows(int first, int count, int blocks, LowBitLayout layout, int columns)
    {
        int groups = layout.Groups(columns), width = LowBitLayout.RowHeader + groups;
        float[] rows = new float[count * width];
        for (int row = 0; row < count; row++)
        {
            long start = (long)(first + row) * blocks;
            Span<float> target = rows.AsSpan(row * width, width);
            target[0] = Offset;
            target[1] = BitConverter.Int32BitsToSingle((int)(Size - (start % Size)));
            for (int group = 0; group < groups && (start / Size) + group < Nested.Length; group++)
            {
                target[LowBitLayout.RowHeader + group] = Nested[(start / Size) + group];
            }
        }

        return rows;
    }
}
