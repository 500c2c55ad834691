using Rm.Kernels.Cpu.Threading;

namespace Rm.Kernels.Cpu.Gemm;

/// <summary>G [R, N] (+)= P^T Q as pointers, shared by the threads that compute it.</summary>
internal unsafe struct OuterPlan
{
    private const int Columns = IMicroKernel.PanelColumns;

    /// <summary>Length of the reduction: rows of P and Q.</summary>
    public int M;

    /// <summary>Rows of G.</summary>
    public int R;

    /// <summary>Columns of G and Q.</summary>
    public int N;

    /// <summary>Rows of Q read before an item moves on to its next columns.</summary>
    public int BlockRows;

    /// <summary>Rows of G in a tile: a height that the kernel has.</summary>
    public int TileRows;

    /// <summary>P, [M, R].</summary>
    public float* P;

    /// <summary>Elements between rows of P.</summary>
    public nint PStride;

    /// <summary>Q, [M, N].</summary>
    public float* Q;

    /// <summary>Elements between rows of Q.</summary>
    public nint QStride;

    /// <summary>G, [R, N].</summary>
    public float* G;

    /// <summary>Elements between rows of G.</summary>
    public nint GStride;

    /// <summary>Whether G is added to.</summary>
    public bool Accumulate;

    /// <summary>P in panels [M, TileRows], one per row tile.</summary>
    public float* PackedP;

    /// <summary>Strips of 32 columns that one item computes.</summary>
    public int StripsPerItem;

    /// <summary>Row tiles of G.</summary>
    public readonly int RowTiles => (R + TileRows - 1) / TileRows;

    /// <summary>Strips of 32 columns.</summary>
    public readonly int Strips => (N + Columns - 1) / Columns;

    /// <summary>Chooses the strips of an item and returns the number of items.</summary>
    public int ItemCount(int threads)
    {
        // Neighbouring strips share pages of Q's rows: few items with many strips each, yet enough to balance the team.
        StripsPerItem = Math.Max(1, Strips / (threads * 4));
        return (Strips + StripsPerItem - 1) / StripsPerItem;
    }
}

/// <summary>Item i packs the i-th group of P's columns.</summary>
internal readonly unsafe struct OuterPackBody(OuterPlan* plan) : IParallelBody
{
    public void Run(int item)
    {
        int first = item * plan->TileRows;
        int valid = Math.Min(plan->TileRows, plan->R - first);
        float* panel = plan->PackedP + ((long)item * plan->TileRows * plan->M);
        PanelPacking.PackColumns(plan->P + first, plan->PStride, valid, plan->M, plan->TileRows, panel);
    }
}

/// <summary>
/// Each item computes a few strips of 32 columns of G, all rows, over the whole reduction, so that the order over m is the same for any
/// thread count. Q is read in place; sums live in a scratch [strips, R, 32] between blocks of m.
/// </summary>
internal readonly unsafe struct OuterBody<TKernel>(OuterPlan* plan) : IParallelBody
    where TKernel : struct, IMicroKernel
{
    private const int Columns = IMicroKernel.PanelColumns;

    /// <summary>The tile height that computes the fewest rows for <paramref name="rows"/>; low tiles would read Q too often.</summary>
    public static int EvenTileRows(int rows)
    {
        int best = TKernel.TileHeight(Math.Min(rows, TKernel.TileRows));
        for (int height = best; rows > TKernel.TileRows && height > TKernel.TileRows / 2; height--)
        {
            if (TKernel.TileHeight(height) == height && Padded(height) < Padded(best))
            {
                best = height;
            }
        }

        return best;

        int Padded(int height) => (rows + height - 1) / height * height;
    }

    public void Run(int item)
    {
        int firstStrip = item * plan->StripsPerItem;
        int endStrip = Math.Min(firstStrip + plan->StripsPerItem, plan->Strips);
        int rows = plan->RowTiles * plan->TileRows;
        long sumElements = (long)(endStrip - firstStrip) * rows * Columns;
        float* sums = (float*)ThreadScratch.Get((sumElements + ((long)plan->BlockRows * Columns)) * sizeof(float));
        float* edge = sums + sumElements;
        LoadSums(sums, firstStrip, endStrip, rows);
        for (int m = 0; m < plan->M; m += plan->BlockRows)
        {
            int steps = Math.Min(plan->BlockRows, plan->M - m);
            for (int strip = firstStrip; strip < endStrip; strip++)
            {
                AddBlock(m, steps, strip, sums + ((long)(strip - firstStrip) * rows * Columns), edge);
            }
        }

        StoreSums(sums, firstStrip, endStrip, rows);
    }

    private void AddBlock(int m, int steps, int strip, float* sums, float* edge)
    {
        TileArguments t = default;
        t.B = plan->Q + (m * plan->QStride) + (strip * Columns);
        t.BStride = plan->QStride;
        int valid = Math.Min(Columns, plan->N - (strip * Columns));
        if (valid < Columns)
        {
            // The kernel reads 32 columns, which the last strip has not.
            PanelPacking.PackColumns(t.B, t.BStride, valid, steps, Columns, edge);
            t.B = edge;
            t.BStride = Columns;
        }

        t.K = steps;
        t.AStride = plan->TileRows;
        t.CStride = Columns;
        t.StartStride = Columns;
        for (int tile = 0; tile < plan->RowTiles; tile++)
        {
            t.A = plan->PackedP + ((((long)tile * plan->M) + m) * plan->TileRows);
            t.C = sums + (tile * plan->TileRows * Columns);
            t.Start = t.C;
            TKernel.Run(plan->TileRows, t);
        }
    }

    private void LoadSums(float* sums, int firstStrip, int endStrip, int rows)
    {
        new Span<float>(sums, (endStrip - firstStrip) * rows * Columns).Clear();
        for (int strip = firstStrip; strip < endStrip && plan->Accumulate; strip++)
        {
            for (int row = 0; row < plan->R; row++)
            {
                GRow(strip, row).CopyTo(new Span<float>(sums + ((((strip - firstStrip) * rows) + row) * Columns), Columns));
            }
        }
    }

    private void StoreSums(float* sums, int firstStrip, int endStrip, int rows)
    {
        for (int strip = firstStrip; strip < endStrip; strip++)
        {
            for (int row = 0; row < plan->R; row++)
            {
                Span<float> g = GRow(strip, row);
                new Span<float>(sums + ((((strip - firstStrip) * rows) + row) * Columns), g.Length).CopyTo(g);
            }
        }
    }

    private Span<float> GRow(int strip, int row)
        => new(plan->G + (row * plan->GStride) + (strip * Columns), Math.Min(Columns, plan->N - (strip * Columns)));
}
