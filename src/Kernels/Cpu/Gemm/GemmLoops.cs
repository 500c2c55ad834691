using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Rm.Kernels.Cpu.Threading;

namespace Rm.Kernels.Cpu.Gemm;

/// <summary>The two parallel loops of a product: packing what changes with every call, then the tiles.</summary>
internal static unsafe class GemmLoops
{
    /// <summary>Item i packs row tile i of A and S; the items after those pack the extension's panels.</summary>
    public readonly struct PackBody<TKernel>(GemmPlan* plan, StripPacker extension) : IParallelBody
        where TKernel : struct, IMicroKernel
    {
        public void Run(int item)
        {
            if (item < plan->RowTiles)
            {
                PackTile(item);
            }
            else
            {
                PackExtension(item - plan->RowTiles);
            }
        }

        private void PackTile(int index)
        {
            int row = index * plan->TileRows;
            int rows = Math.Min(plan->TileRows, plan->M - row);
            int height = TKernel.TileHeight(rows);
            float* tile = plan->PackedA + (index * plan->TileElements);
            if (plan->TransposeA)
            {
                PanelPacking.PackColumns(plan->A + row, plan->AStride, rows, plan->K, height, tile);
            }
            else
            {
                PanelPacking.PackRows(plan->A + (row * plan->AStride), plan->AStride, rows, plan->K, height, tile);
            }

            if (plan->R > 0)
            {
                PanelPacking.PackRows(
                    plan->S + (row * plan->SStride), plan->SStride, rows, plan->R, height, tile + ((nint)plan->K * height));
            }
        }

        private void PackExtension(int index)
        {
            float* panel = plan->ExtensionPanels + (index * extension.PanelElements);
            extension.Pack(index, panel);
            int first = 0;
            int end = plan->R;
            while (first < end && IsZero(panel, first))
            {
                first++;
            }

            while (end > first && IsZero(panel, end - 1))
            {
                end--;
            }

            plan->ExtensionRows[index] = (first, end);
        }

        private static bool IsZero(float* panel, int row)
            => !new ReadOnlySpan<float>(panel + ((nint)row * IMicroKernel.PanelColumns), IMicroKernel.PanelColumns).ContainsAnyExcept(0f);
    }

    /// <summary>
    /// Each item computes a block of row tiles times a few panels. Neighbouring items share the row tiles, which stay in L2.
    /// </summary>
    public readonly struct TileBody<TKernel>(GemmPlan* plan) : IParallelBody
        where TKernel : struct, IMicroKernel
    {
        private const int Columns = IMicroKernel.PanelColumns;

        public void Run(int item)
        {
            int groups = (plan->ColumnPanels + plan->PanelsPerItem - 1) / plan->PanelsPerItem;
            int firstTile = item / groups * plan->TilesPerItem;
            int endTile = Math.Min(firstTile + plan->TilesPerItem, plan->RowTiles);
            int firstPanel = item % groups * plan->PanelsPerItem;
            int endPanel = Math.Min(firstPanel + plan->PanelsPerItem, plan->ColumnPanels);

            bool oneBlock = plan->K <= plan->KBlock;
            long tileElements = plan->TileRows * Columns;
            long scratchTiles = (oneBlock ? 1 : endTile - firstTile) * tileElements;
            long wideElements = plan->NarrowPanels ? (long)Math.Min(plan->KBlock, plan->K) * Columns : 0;
            float* tiles = (float*)ThreadScratch.Get((scratchTiles + wideElements) * sizeof(float));
            float* wide = tiles + scratchTiles;
            for (int panel = firstPanel; panel < endPanel; panel++)
            {
                int k = 0;
                do
                {
                    int steps = Math.Min(plan->KBlock, plan->K - k);
                    long offset = (((long)panel * plan->K) + k) * Columns;
                    float* b = plan->NarrowPanels
                        ? Widen((ushort*)plan->Panels + offset, (long)steps * Columns, wide)
                        : (float*)plan->Panels + offset;
                    for (int tile = firstTile; tile < endTile; tile++)
                    {
                        RunTile(tile, panel, k, steps, b, oneBlock ? tiles : tiles + ((tile - firstTile) * tileElements));
                    }

                    k += steps;
                }
                while (k < plan->K);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private void RunTile(int tile, int panel, int k, int steps, float* b, float* scratch)
        {
            int row = tile * plan->TileRows;
            int rows = Math.Min(plan->TileRows, plan->M - row);
            int height = TKernel.TileHeight(rows);
            int column = panel * Columns;
            bool last = k + steps == plan->K;

            // A tile inside C is read and written in place, one on its edge or with an epilogue by way of the scratch.
            bool inside = rows == height && column + Columns <= plan->N;
            bool direct = last && inside && plan->Bias == null && plan->Residual == null;
            float* c = plan->C + (row * plan->CStride) + column;
            float* a = plan->PackedA + (tile * plan->TileElements);
            TileArguments t = default;
            t.A = a + ((nint)k * height);
            t.AStride = height;
            t.B = b;
            t.BStride = Columns;
            t.K = steps;
            t.C = direct ? c : scratch;
            t.CStride = direct ? plan->CStride : Columns;
            if (k == 0 && plan->Accumulate && inside)
            {
                t.Start = c;
                t.StartStride = plan->CStride;
            }
            else if (k > 0 || plan->Accumulate)
            {
                t.Start = scratch;
                t.StartStride = Columns;
                if (k == 0)
                {
                    TileEpilogue.Load(*plan, row, rows, column, scratch);
                }
            }

            if (last && plan->R > 0)
            {
                (int first, int end) = plan->ExtensionRows[panel];
                t.ExtensionK = end - first;
                t.ExtensionA = a + ((nint)(plan->K + first) * height);
                t.ExtensionB = plan->ExtensionPanels + ((((long)panel * plan->R) + first) * Columns);
            }

            if (last)
            {
                TileEpilogue.Prefetch(*plan, row, rows, column);
            }

            TKernel.Run(height, t);
            if (last && !direct)
            {
                TileEpilogue.Store(*plan, row, rows, column, scratch);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static float* Widen(ushort* narrow, long count, float* wide)
        {
            for (long i = 0; i < count; i += 16)
            {
                (Vector256<uint> low, Vector256<uint> high) = Vector256.Widen(Vector256.Load(narrow + i));
                (low << 16).AsSingle().Store(wide + i);
                (high << 16).AsSingle().Store(wide + i + 8);
            }

            return wide;
        }
    }
}
