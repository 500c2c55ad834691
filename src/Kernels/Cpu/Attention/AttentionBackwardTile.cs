using System.Runtime.Intrinsics;
using Rm.Kernels.Cpu.Gemm;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu.Attention;

/// <summary>Packed operands, accumulators and tensors of an attention backward pass.</summary>
internal readonly unsafe struct AttentionBackwardBuffers
{
    /// <summary>K, <c>[G, blocks of [D, keys]]</c>.</summary>
    public required float* KeysTransposed { get; init; }

    /// <summary>V, likewise.</summary>
    public required float* ValuesTransposed { get; init; }

    /// <summary>K, <c>[G, padded rows, padded D]</c>.</summary>
    public required float* KeyRows { get; init; }

    /// <summary>Sum for dK, like <see cref="KeyRows"/>.</summary>
    public required float* DKeys { get; init; }

    /// <summary>Sum for dV, like <see cref="KeyRows"/>.</summary>
    public required float* DValues { get; init; }

    public required F32View O { get; init; }

    public required F32View Lse { get; init; }

    public required F32View DO { get; init; }

    public required F32View DQ { get; init; }

    public required F32View DK { get; init; }

    public required F32View DV { get; init; }
}

/// <summary>
/// Gradients of one family of segments for one group of heads, with recomputed probabilities (Dao et al. 2022): P = exp(Scale S - lse),
/// dP = dO V^T, dS = P (dP - rowsum(dO O)), dQ = Scale dS K, dK = Scale dS^T Q, dV = P^T dO. Query blocks follow each other in row order,
/// so that a key's sums have one order whatever the thread count.
/// </summary>
internal static unsafe class AttentionBackwardTile
{
    /// <summary>Computes DQ, DK and DV of the rows of a family.</summary>
    public static void Run(AttentionProblem problem, AttentionBackwardBuffers buffers, int[] family, int group)
    {
        foreach (int segment in family)
        {
            int count = KeyBlocks.Padded(problem.Keys.Segments[segment].Length) * problem.PaddedDim;
            new Span<float>(problem.Padded(buffers.DKeys, group, segment, 0), count).Clear();
            new Span<float>(problem.Padded(buffers.DValues, group, segment, 0), count).Clear();
        }

        foreach (int segment in family)
        {
            for (int b = problem.Queries.FirstBlock[segment]; b < problem.Queries.FirstBlock[segment + 1]; b++)
            {
                AddQueryBlock(problem, buffers, problem.Queries.Blocks[b], group);
            }
        }

        foreach (int segment in family)
        {
            WriteKeyGradient(problem, problem.Padded(buffers.DKeys, group, segment, 0), problem.Scale, buffers.DK, segment, group);
            WriteKeyGradient(problem, problem.Padded(buffers.DValues, group, segment, 0), 1, buffers.DV, segment, group);
        }
    }

    private static void AddQueryBlock(AttentionProblem problem, AttentionBackwardBuffers buffers, QueryBlocks.Block block, int group)
    {
        int tileRows = problem.PaddedTileRows(block.Count);
        long tile = (long)tileRows * problem.PaddedDim;
        float* q = (float*)ThreadScratch.Get(sizeof(float) * ((3 * tile) + (tileRows * ((2 * KeyBlocks.Size) + 2))));
        var tiles = new Tiles(q, tile, tileRows);
        AttentionPacking.CopyQueries(problem, problem.Q, block, group, tiles.Q);
        AttentionPacking.CopyQueries(problem, buffers.DO, block, group, tiles.DO);
        new Span<float>(tiles.DQ, (int)tile).Clear();
        ReadRowConstants(problem, buffers, block, group, tiles);

        int parent = problem.Keys.Parents[block.Segment];
        for (int b = 0; parent >= 0 && b < problem.Keys.Count(parent); b++)
        {
            AddKeyBlock(problem, buffers, block, group, tiles, parent, b);
        }

        int lastOwn = problem.Queries.Own[block.Begin + block.Count - 1];
        for (int b = 0; b <= lastOwn / KeyBlocks.Size; b++)
        {
            AddKeyBlock(problem, buffers, block, group, tiles, block.Segment, b);
        }

        WriteQueryGradient(problem, block, group, tiles.DQ, buffers.DQ);
    }

    private static void AddKeyBlock(
        AttentionProblem problem, AttentionBackwardBuffers buffers, QueryBlocks.Block block, int group, Tiles tiles, int segment, int keyBlock)
    {
        bool ownSegment = segment == block.Segment;
        int rows = block.Count * problem.HeadsPerGroup;
        int width = problem.Keys.Width(segment, keyBlock);
        int padded = KeyBlocks.Padded(width);
        int dim = problem.PaddedDim;
        float* kt = problem.Transposed(buffers.KeysTransposed, group, segment, keyBlock);
        float* vt = problem.Transposed(buffers.ValuesTransposed, group, segment, keyBlock);
        float* k = problem.Padded(buffers.KeyRows, group, segment, keyBlock);
        for (int m = 0; m < tiles.Rows; m += TileProduct.Rows)
        {
            int visible = Visible(Math.Min(m + TileProduct.Rows, rows) - 1);
            if (visible == 0)
            {
                continue;
            }

            int vectors = (visible + Lanes - 1) / Lanes;
            float* p = tiles.P + (m * KeyBlocks.Size);
            float* ds = tiles.DS + (m * KeyBlocks.Size);
            TileProduct.FourRows(
                tiles.Q + (m * dim), dim, 1, kt, padded, p, KeyBlocks.Size, problem.HeadDim, vectors, accumulate: false);
            TileProduct.FourRows(
                tiles.DO + (m * dim), dim, 1, vt, padded, ds, KeyBlocks.Size, problem.HeadDim, vectors, accumulate: false);
            for (int i = 0; i < TileProduct.Rows; i++)
            {
                int row = m + i;
                ScoreGradientRow(
                    p + (i * KeyBlocks.Size), ds + (i * KeyBlocks.Size), row < rows ? Visible(row) : 0, vectors,
                    problem.Scale, tiles.Lse[row], tiles.Delta[row]);
            }

            TileProduct.FourRows(ds, KeyBlocks.Size, 1, k, dim, tiles.DQ + (m * dim), dim, visible, dim / Lanes, accumulate: true);
        }

        float* dk = problem.Padded(buffers.DKeys, group, segment, keyBlock);
        float* dv = problem.Padded(buffers.DValues, group, segment, keyBlock);
        for (int key = 0; key < width; key += TileProduct.Rows)
        {
            // Rows whose query comes before the first of these keys hold no part of them.
            int first = FirstRowThatSees(key);
            float* p = tiles.P + (first * KeyBlocks.Size) + key;
            float* ds = tiles.DS + (first * KeyBlocks.Size) + key;
            TileProduct.FourRows(
                ds, 1, KeyBlocks.Size, tiles.Q + (first * dim), dim, dk + (key * dim), dim, rows - first, dim / Lanes, accumulate: true);
            TileProduct.FourRows(
                p, 1, KeyBlocks.Size, tiles.DO + (first * dim), dim, dv + (key * dim), dim, rows - first, dim / Lanes, accumulate: true);
        }

        int Visible(int row) => AttentionProblem.VisibleKeys(
            ownSegment, problem.Queries.Own[block.Begin + (row / problem.HeadsPerGroup)], keyBlock, width);

        int FirstRowThatSees(int key)
        {
            int query = 0;
            while (ownSegment && query < block.Count && problem.Queries.Own[block.Begin + query] < (keyBlock * KeyBlocks.Size) + key)
            {
                query++;
            }

            return query * problem.HeadsPerGroup;
        }
    }

    /// <summary>p = exp(scale s - lse) and ds = p (dp - delta) in place; 0 from <paramref name="visible"/> on.</summary>
    private static void ScoreGradientRow(float* p, float* ds, int visible, int vectors, float scale, float lse, float delta)
    {
        Vector512<float> factor = Vector512.Create(scale);
        Vector512<float> shift = Vector512.Create(lse);
        Vector512<float> offset = Vector512.Create(delta);
        for (int v = 0; v < vectors; v++)
        {
            Vector512<float> probability = Exp((Vector512.Load(p + (v * Lanes)) * factor) - shift);
            Vector512<float> gradient = probability * (Vector512.Load(ds + (v * Lanes)) - offset);
            if (visible < (v + 1) * Lanes)
            {
                Vector512<float> seen = Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(visible - (v * Lanes))).AsSingle();
                probability = Vector512.ConditionalSelect(seen, probability, Vector512<float>.Zero);
                gradient = Vector512.ConditionalSelect(seen, gradient, Vector512<float>.Zero);
            }

            probability.Store(p + (v * Lanes));
            gradient.Store(ds + (v * Lanes));
        }
    }

    /// <summary>
    /// lse and delta = dO O of each row. Delta is summed in the order of the product dO V^T, so that a token that sees one key alone, whose O
    /// is that V, gets a score gradient of exactly 0. Four rows at once, since each is a chain.
    /// </summary>
    private static void ReadRowConstants(
        AttentionProblem problem, AttentionBackwardBuffers buffers, QueryBlocks.Block block, int group, Tiles tiles)
    {
        int headsPerGroup = problem.HeadsPerGroup;
        int rows = block.Count * headsPerGroup;
        float** o = stackalloc float*[TileProduct.Rows];
        for (int m = 0; m < tiles.Rows; m += TileProduct.Rows)
        {
            for (int i = 0; i < TileProduct.Rows; i++)
            {
                // Padding repeats the last row; what it yields is masked.
                int last = Math.Min(m + i, rows - 1);
                int row = problem.Queries.Rows[block.Begin + (last / headsPerGroup)];
                int head = (group * headsPerGroup) + (last % headsPerGroup);
                tiles.Lse[m + i] = buffers.Lse[row][head];
                o[i] = buffers.O[row] + (head * problem.HeadDim);
            }

            float* dO = tiles.DO + (m * problem.PaddedDim);
            float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
            for (int d = 0; d < problem.HeadDim; d++)
            {
                s0 = MathF.FusedMultiplyAdd(dO[d], o[0][d], s0);
                s1 = MathF.FusedMultiplyAdd(dO[problem.PaddedDim + d], o[1][d], s1);
                s2 = MathF.FusedMultiplyAdd(dO[(2 * problem.PaddedDim) + d], o[2][d], s2);
                s3 = MathF.FusedMultiplyAdd(dO[(3 * problem.PaddedDim) + d], o[3][d], s3);
            }

            tiles.Delta[m] = s0;
            tiles.Delta[m + 1] = s1;
            tiles.Delta[m + 2] = s2;
            tiles.Delta[m + 3] = s3;
        }
    }

    private static void WriteQueryGradient(AttentionProblem problem, QueryBlocks.Block block, int group, float* tile, F32View dq)
    {
        Vector512<float> scale = Vector512.Create(problem.Scale);
        for (int m = 0; m < block.Count * problem.HeadsPerGroup; m++)
        {
            int row = problem.Queries.Rows[block.Begin + (m / problem.HeadsPerGroup)];
            int head = (group * problem.HeadsPerGroup) + (m % problem.HeadsPerGroup);
            float* to = dq[row] + (head * problem.HeadDim);
            for (int d = 0; d < problem.HeadDim; d += Lanes)
            {
                Store(Vector512.Load(tile + ((long)m * problem.PaddedDim) + d) * scale, to + d, problem.HeadDim - d);
            }
        }
    }

    private static void WriteKeyGradient(AttentionProblem problem, float* sums, float scale, F32View gradient, int segment, int group)
    {
        Vector512<float> factor = Vector512.Create(scale);
        for (int key = 0; key < problem.Keys.Segments[segment].Length; key++)
        {
            float* to = gradient[problem.Keys.Segments[segment].Start + key] + (group * problem.HeadDim);
            for (int d = 0; d < problem.HeadDim; d += Lanes)
            {
                Store(Vector512.Load(sums + ((long)key * problem.PaddedDim) + d) * factor, to + d, problem.HeadDim - d);
            }
        }
    }

    /// <summary>A thread's tiles for one query block.</summary>
    private readonly struct Tiles(float* start, long tile, int rows)
    {
        public int Rows { get; } = rows;

        public float* Q => start;

        public float* DO => start + tile;

        public float* DQ => start + (2 * tile);

        public float* P => start + (3 * tile);

        public float* DS => P + (Rows * KeyBlocks.Size);

        public float* Lse => DS + (Rows * KeyBlocks.Size);

        public float* Delta => Lse + Rows;
    }
}
