using System.Runtime.Intrinsics;
using Rm.Kernels.Cpu.Gemm;
using static Rm.Kernels.Cpu.VectorMath;

namespace Rm.Kernels.Cpu.Attention;

/// <summary>
/// One block of queries, for all heads of one group, against all keys it sees: softmax with a running maximum over key blocks
/// (Milakov and Gimelshein 2018; Dao et al. 2022). A row's sums run over its keys in order: prefix first, then its own segment.
/// </summary>
internal static unsafe class AttentionForwardTile
{
    /// <summary>Computes the rows of one query block.</summary>
    /// <param name="problem">Sizes and inputs.</param>
    /// <param name="keysTransposed">K packed by <see cref="AttentionPacking.Transpose"/>.</param>
    /// <param name="values">V packed by <see cref="AttentionPacking.CopyRows"/>.</param>
    /// <param name="queryBlock">Index of the query block.</param>
    /// <param name="group">Key head.</param>
    /// <param name="output">O, =.</param>
    /// <param name="lse">Log of the sum of exponentials, =.</param>
    public static void Run(
        AttentionProblem problem, float* keysTransposed, float* values, int queryBlock, int group, F32View output, F32View lse)
    {
        QueryBlocks.Block block = problem.Queries.Blocks[queryBlock];
        int rows = block.Count * problem.HeadsPerGroup;
        int tileRows = problem.PaddedTileRows(block.Count);
        int paddedDim = problem.PaddedDim;
        float* q = (float*)ThreadScratch.Get(sizeof(float) * (long)tileRows * ((2 * paddedDim) + KeyBlocks.Size + 2));
        float* o = q + ((long)tileRows * paddedDim);
        float* scores = o + ((long)tileRows * paddedDim);
        float* max = scores + (tileRows * KeyBlocks.Size);
        float* sum = max + tileRows;
        AttentionPacking.CopyQueries(problem, problem.Q, block, group, q);
        new Span<float>(o, tileRows * paddedDim).Clear();
        new Span<float>(max, tileRows).Fill(float.NegativeInfinity);
        new Span<float>(sum, tileRows).Clear();

        int parent = problem.Keys.Parents[block.Segment];
        for (int b = 0; parent >= 0 && b < problem.Keys.Count(parent); b++)
        {
            AddBlock(parent, b, ownSegment: false);
        }

        int lastOwn = problem.Queries.Own[block.Begin + block.Count - 1];
        for (int b = 0; b <= lastOwn / KeyBlocks.Size; b++)
        {
            AddBlock(block.Segment, b, ownSegment: true);
        }

        WriteRows(problem, block, group, o, max, sum, output, lse);

        void AddBlock(int segment, int keyBlock, bool ownSegment)
        {
            int width = problem.Keys.Width(segment, keyBlock);
            if (Hidden(0) == width)
            {
                return; // and the later queries' windows have left the block behind as well
            }

            int padded = KeyBlocks.Padded(width);
            float* kt = problem.Transposed(keysTransposed, group, segment, keyBlock);
            float* v = problem.Padded(values, group, segment, keyBlock);

            // One product over the whole tile at a time, so that its right operand stays in L1. Queries ascend: first rows may see nothing.
            int first = FirstTileThatSees();
            for (int m = first; m < tileRows; m += TileProduct.Rows)
            {
                float* s = scores + (m * KeyBlocks.Size);
                int vectors = (TileVisible(m) + Lanes - 1) / Lanes;
                TileProduct.FourRows(
                    q + (m * paddedDim), paddedDim, 1, kt, padded, s, KeyBlocks.Size, problem.HeadDim, vectors, accumulate: false);
            }

            for (int m = first; m < tileRows; m += TileProduct.Rows)
            {
                int vectors = (TileVisible(m) + Lanes - 1) / Lanes;
                for (int row = m; row < m + TileProduct.Rows; row++)
                {
                    SoftmaxRow(
                        scores + (row * KeyBlocks.Size), row < rows ? Visible(row) : 0, row < rows ? Hidden(row) : 0, vectors, problem,
                        ref max[row],
                        ref sum[row], o + (row * paddedDim));
                }
            }

            for (int m = first; m < tileRows; m += TileProduct.Rows)
            {
                TileProduct.FourRows(
                    scores + (m * KeyBlocks.Size), KeyBlocks.Size, 1, v, paddedDim, o + (m * paddedDim), paddedDim, TileVisible(m),
                    paddedDim / Lanes, accumulate: true);
            }

            int FirstTileThatSees()
            {
                int m = 0;
                while (TileVisible(m) == 0)
                {
                    m += TileProduct.Rows;
                }

                return m;
            }

            // Queries ascend, so the tile's last row sees most.
            int TileVisible(int m) => Visible(Math.Min(m + TileProduct.Rows, rows) - 1);

            int Visible(int row) => AttentionProblem.VisibleKeys(
                ownSegment, problem.Queries.Own[block.Begin + (row / problem.HeadsPerGroup)], keyBlock, width);

            int Hidden(int row) => problem.HiddenKeys(
                block.Segment, ownSegment, problem.Queries.Own[block.Begin + (row / problem.HeadsPerGroup)], keyBlock, width);
        }
    }

    /// <summary>
    /// Scales a row's scores and turns them into exponentials below the running maximum and brings sum and output to the new maximum.
    /// Keys before <paramref name="hiddenKeys"/> and from <paramref name="visible"/> on get 0.
    /// </summary>
    private static void SoftmaxRow(
        float* s, int visible, int hiddenKeys, int vectors, in AttentionProblem problem, ref float max, ref float sum, float* o)
    {
        int used = hiddenKeys < visible ? (visible + Lanes - 1) / Lanes : 0;
        float scale = problem.Scale;
        for (int v = used; v < vectors; v++)
        {
            Vector512<float>.Zero.Store(s + (v * Lanes));
        }

        if (used == 0)
        {
            return;
        }

        if (problem.Softcap != 0)
        {
            Cap(s, used, problem);
            scale = 1;
        }

        var hidden = Vector512.Create(float.NegativeInfinity);
        new Span<float>(s, hiddenKeys).Fill(float.NegativeInfinity);
        float* last = s + ((used - 1) * Lanes);
        Vector512<int> lane = Vector512<int>.Indices;
        Vector512<float> seen = Vector512.LessThan(lane, Vector512.Create(visible - ((used - 1) * Lanes))).AsSingle();
        var largest = Vector512.ConditionalSelect(seen, Vector512.Load(last), hidden);
        largest.Store(last);
        for (int v = 0; v < used - 1; v++)
        {
            // A NaN lost here comes back through the exponential.
            largest = Vector512.MaxNative(largest, Vector512.Load(s + (v * Lanes)));
        }

        // The scale is positive, so it commutes with the maximum, rounding included.
        float blockMax = Max(largest) * scale;
        float newMax = blockMax > max ? blockMax : max;
        var scaling = Vector512.Create(scale);
        var shift = Vector512.Create(newMax);
        Vector512<float> total = default;
        for (int v = 0; v < used; v++)
        {
            Vector512<float> p = Exp((Vector512.Load(s + (v * Lanes)) * scaling) - shift);
            p.Store(s + (v * Lanes));
            total += p;
        }

        if (newMax != max && sum != 0)
        {
            Vector512<float> factor = Exp(Vector512.Create(max - newMax));
            sum *= factor.ToScalar();
            for (int d = 0; d < problem.PaddedDim; d += Lanes)
            {
                (Vector512.Load(o + d) * factor).Store(o + d);
            }
        }

        max = newMax;
        sum += Sum(total);
    }

    // s = cap tanh(scale s / cap).
    private static void Cap(float* s, int vectors, in AttentionProblem problem)
    {
        Vector512<float> cap = Vector512.Create(problem.Softcap), factor = Vector512.Create(problem.Scale / problem.Softcap);
        for (int v = 0; v < vectors; v++)
        {
            (cap * Tanh(Vector512.Load(s + (v * Lanes)) * factor)).Store(s + (v * Lanes));
        }
    }

    private static void WriteRows(
        AttentionProblem problem, QueryBlocks.Block block, int group, float* o, float* max, float* sum, F32View output, F32View lse)
    {
        for (int m = 0; m < block.Count * problem.HeadsPerGroup; m++)
        {
            int row = problem.Queries.Rows[block.Begin + (m / problem.HeadsPerGroup)];
            int head = (group * problem.HeadsPerGroup) + (m % problem.HeadsPerGroup);
            float* to = output[row] + (head * problem.HeadDim);
            float* from = o + ((long)m * problem.PaddedDim);
            var divisor = Vector512.Create(sum[m]);
            for (int d = 0; d < problem.HeadDim; d += Lanes)
            {
                Store(Vector512.Load(from + d) / divisor, to + d, problem.HeadDim - d);
            }

            lse[row][head] = (float)(max[m] + Math.Log(sum[m]));
        }
    }
}
