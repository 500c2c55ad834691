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
        AttentionProblem problem, AttentionBackwardBuffers buffers, QueryBlocks.Block block, int group, Tiles tiles, int segment,
        int keyBlock)
    {
        bool ownSegment = segment == block.Segment;
        int rows = block.Count * problem.HeadsPerGroup;
        int width = problem.Keys.Width(segment, keyBlock);
        if (Hidden(0) == width)
        {
            return;
        }

        int padded = KeyBlocks.Padded(width);
        int dim = problem.PaddedDim;
        float* kt = problem.Transposed(buffers.KeysTransposed, group, segment, keyBlock);
        float* vt = problem.Transposed(buffers.ValuesTransposed, group, segment, keyBlock);
        float* k = problem.Padded(buffers.KeyRows, group, segment, keyBlock);

        // One product over the whole tile at a time, so that its right operand stays in L1. Queries ascend: first rows may see nothing.
        int firstTile = FirstRowThatSees(0) / TileProduct.Rows * TileProduct.Rows;
        for (int m = firstTile; m < tiles.Rows; m += TileProduct.Rows)
        {
            TileProduct.FourRows(
                tiles.Q + (m * dim), dim, 1, kt, padded, tiles.P + (m * KeyBlocks.Size), KeyBlocks.Size, problem.HeadDim, TileVectors(m),
                accumulate: false);
        }

        for (int m = firstTile; m < tiles.Rows; m += TileProduct.Rows)
        {
            TileProduct.FourRows(
                tiles.DO + (m * dim), dim, 1, vt, padded, tiles.DS + (m * KeyBlocks.Size), KeyBlocks.Size, problem.HeadDim, TileVectors(m),
                accumulate: false);
        }

        for (int m = firstTile; m < tiles.Rows; m++)
        {
            ScoreGradientRow(
                tiles.P + (m * KeyBlocks.Size), tiles.DS + (m * KeyBlocks.Size), m < rows ? Visible(m) : 0, m < rows ? Hidden(m) : 0,
                TileVectors(m),
                problem, tiles.Lse[m], tiles.Delta[m]);
        }

        for (int m = firstTile; m < tiles.Rows; m += TileProduct.Rows)
        {
            TileProduct.FourRows(
                tiles.DS + (m * KeyBlocks.Size), KeyBlocks.Size, 1, k, dim, tiles.DQ + (m * dim), dim, TileVisible(m), dim / Lanes,
                accumulate: true);
        }

        float* dk = problem.Padded(buffers.DKeys, group, segment, keyBlock);
        float* dv = problem.Padded(buffers.DValues, group, segment, keyBlock);
        for (int key = 0; key < width; key += TileProduct.Rows)
        {
            // Rows whose query comes before the first of these keys hold no part of them.
            int first = FirstRowThatSees(key);
            TileProduct.FourRows(
                tiles.DS + (first * KeyBlocks.Size) + key, 1, KeyBlocks.Size, tiles.Q + (first * dim), dim, dk + (key * dim), dim,
                rows - first,
                dim / Lanes, accumulate: true);
        }

        for (int key = 0; key < width; key += TileProduct.Rows)
        {
            int first = FirstRowThatSees(key);
            TileProduct.FourRows(
                tiles.P + (first * KeyBlocks.Size) + key, 1, KeyBlocks.Size, tiles.DO + (first * dim), dim, dv + (key * dim), dim,
                rows - first,
                dim / Lanes, accumulate: true);
        }

        int TileVectors(int m) => (TileVisible(m) + Lanes - 1) / Lanes;

        // Queries ascend, so the tile's last row sees most; padding rows go with it.
        int TileVisible(int m) => Visible(Math.Min((m / TileProduct.Rows * TileProduct.Rows) + TileProduct.Rows, rows) - 1);

        int Visible(int row) => AttentionProblem.VisibleKeys(
            ownSegment, problem.Queries.Own[block.Begin + (row / problem.HeadsPerGroup)], keyBlock, width);

        int Hidden(int row) => problem.HiddenKeys(
            block.Segment, ownSegment, problem.Queries.Own[block.Begin + (row / problem.HeadsPerGroup)], keyBlock, width);

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

    /// <summary>
    /// p = exp(scale s - lse) and ds = p (dp - delta) in place, with a cap c on scores p = exp(c t - lse) and ds times 1 - t^2, t =
    /// tanh(scale s / c); 0 before <paramref name="hidden"/> and from <paramref name="visible"/> on.
    /// </summary>
    private static void ScoreGradientRow(
        float* p, float* ds, int visible, int hidden, int vectors, in AttentionProblem problem, float lse, float delta)
    {
        bool caps = problem.Softcap != 0;
        var factor = Vector512.Create(caps ? problem.Scale / problem.Softcap : problem.Scale);
        var cap = Vector512.Create(problem.Softcap);
        var shift = Vector512.Create(lse);
        var offset = Vector512.Create(delta);
        for (int v = 0; v < vectors; v++)
        {
            Vector512<float> score = Vector512.Load(p + (v * Lanes)) * factor;
            Vector512<float> bent = caps ? Tanh(score) : default;
            Vector512<float> probability = Exp((caps ? bent * cap : score) - shift);
            Vector512<float> gradient = probability * (Vector512.Load(ds + (v * Lanes)) - offset);
            gradient = caps ? gradient * (Vector512<float>.One - (bent * bent)) : gradient;
            if (hidden > v * Lanes)
            {
                Vector512<float> seen =
                    Vector512.GreaterThanOrEqual(Vector512<int>.Indices, Vector512.Create(hidden - (v * Lanes))).AsSingle();
                probability = Vector512.ConditionalSelect(seen, probability, Vector512<float>.Zero);
                gradient = Vector512.ConditionalSelect(seen, gradient, Vector512<float>.Zero);
            }

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
    /// lse and delta = dO O of each row. Delta is summed in the order of the product dO V^T, so that a token that sees one key alone, whose
    /// O is that V, gets a score gradient of exactly 0. Four rows at once, since each is a chain.
    /// </summary>
    private static void ReadRowConstants(
        AttentionProblem problem, AttentionBackwardBuffers buffers, QueryBlocks.Block block, int group, Tiles tiles)
    {
        int headsPerGroup = problem.HeadsPerGroup;
        int rows = block.Count * headsPerGroup;
        int headDim = problem.HeadDim;
        for (int m = 0; m < tiles.Rows; m += TileProduct.Rows)
        {
            float* o0 = Output(m);
            float* o1 = Output(m + 1);
            float* o2 = Output(m + 2);
            float* o3 = Output(m + 3);
            int stride = problem.PaddedDim;
            float* dO = tiles.DO + (m * stride);
            float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
            for (int d = 0; d < headDim; d++)
            {
                s0 = MathF.FusedMultiplyAdd(dO[d], o0[d], s0);
                s1 = MathF.FusedMultiplyAdd(dO[stride + d], o1[d], s1);
                s2 = MathF.FusedMultiplyAdd(dO[(2 * stride) + d], o2[d], s2);
                s3 = MathF.FusedMultiplyAdd(dO[(3 * stride) + d], o3[d], s3);
            }

            tiles.Delta[m] = s0;
            tiles.Delta[m + 1] = s1;
            tiles.Delta[m + 2] = s2;
            tiles.Delta[m + 3] = s3;
        }

        float* Output(int m)
        {
            // Padding repeats the last row; what it yields is masked.
            int last = Math.Min(m, rows - 1);
            int row = problem.Queries.Rows[block.Begin + (last / headsPerGroup)];
            int head = (group * headsPerGroup) + (last % headsPerGroup);
            tiles.Lse[m] = buffers.Lse[row][head];
            return buffers.O[row] + (head * problem.HeadDim);
        }
    }

    private static void WriteQueryGradient(AttentionProblem problem, QueryBlocks.Block block, int group, float* tile, F32View dq)
    {
        var scale = Vector512.Create(problem.Scale);
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
        var factor = Vector512.Create(scale);
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
