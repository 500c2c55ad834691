namespace Rm.Kernels.Cpu.Gemm;

public sealed unsafe partial class CpuGemm
{
    // Rows of one item of a skinny product. Items are independent, so this only balances the threads.
    private const int SkinnyItemRows = 32;

    // Rows of Q that an item of an outer product reads before it moves on to its next columns: 64 rows of a 32-column strip are 8 KiB,
    // and the whole block of a few strips stays in L2 for all row tiles of G.
    private const int OuterBlockRows = 64;

    private const int MostOuterRows = 1024;

    private NativeBuffer? _packedSkinny;

    /// <summary>S [M, R] = scale * (X [M, K] * A^T) for a small R, in one pass over X: the first half of a LoRA layer.</summary>
    /// <remarks>
    /// Each element is one chain of fused multiply-adds in increasing k, then the scale; rows do not depend on each other.
    /// </remarks>
    /// <param name="x">X, [M, K].</param>
    /// <param name="a">A, [R, K] as <c>lora_A</c> is, or [K, R] as <c>lora_B</c> is with <paramref name="transposeA"/>.</param>
    /// <param name="transposeA">Whether A is given as [K, R].</param>
    /// <param name="s">Receives S, [M, R]; must not overlap the operands.</param>
    /// <param name="scale">Multiplies each finished sum.</param>
    /// <exception cref="ArgumentException">Sizes do not fit together.</exception>
    public void MultiplySkinny(ReadOnlyMatrix x, ReadOnlyMatrix a, bool transposeA, Matrix s, float scale = 1)
    {
        (int r, int k) = transposeA ? (a.Columns, a.Rows) : (a.Rows, a.Columns);
        if (x.Columns != k || s.Rows != x.Rows || s.Columns != r)
        {
            throw new ArgumentException(
                $"S [{s.Rows}, {s.Columns}] cannot be X [{x.Rows}, {x.Columns}] * A^T with A [{r}, {k}]: the sizes do not match.");
        }

        if (s.Rows == 0 || s.Columns == 0)
        {
            return;
        }

        int groups = (r + SkinnyKernels.GroupColumns(Path, r) - 1) / SkinnyKernels.GroupColumns(Path, r);
        fixed (float* xValues = x.Values, aValues = a.Values, sValues = s.Values)
        {
            var plan = new SkinnyPlan
            {
                Path = Path,
                X = xValues,
                XStride = x.Stride,
                M = x.Rows,
                K = k,
                R = r,
                Width = SkinnyKernels.GroupColumns(Path, r),
                S = sValues,
                SStride = s.Stride,
                Scale = scale,
            };
            plan.Panels = (float*)Grow(ref _packedSkinny, (long)groups * plan.Width * Math.Max(1, k) * sizeof(float));
            for (int group = 0; group < groups && k > 0; group++)
            {
                int first = group * plan.Width;
                int valid = Math.Min(plan.Width, r - first);
                float* panel = plan.Panels + ((long)group * plan.Width * k);
                if (transposeA)
                {
                    PanelPacking.PackColumns(aValues + first, a.Stride, valid, k, plan.Width, panel);
                }
                else
                {
                    PanelPacking.PackRows(aValues + (first * (nint)a.Stride), a.Stride, valid, k, plan.Width, panel);
                }
            }

            _threads.For((x.Rows + SkinnyItemRows - 1) / SkinnyItemRows, new SkinnyBody(&plan));
        }

        GC.KeepAlive(this);
    }

    /// <summary>
    /// G [R, N] (+)= P^T Q for P [M, R] and Q [M, N] with a small R, in one pass over Q: the gradients of LoRA's two matrices,
    /// dA = dS^T x and dB^T = S^T dY.
    /// </summary>
    /// <remarks>Each element is one chain of fused multiply-adds in increasing m that starts at 0 or at G.</remarks>
    /// <param name="p">P, [M, R].</param>
    /// <param name="q">Q, [M, N].</param>
    /// <param name="g">G, [R, N]; must not overlap the operands.</param>
    /// <param name="accumulate">Whether to add to what G holds.</param>
    /// <exception cref="ArgumentException">Sizes do not fit together, or R is above 1024.</exception>
    public void MultiplyOuter(ReadOnlyMatrix p, ReadOnlyMatrix q, Matrix g, bool accumulate)
    {
        if (p.Rows != q.Rows || g.Rows != p.Columns || g.Columns != q.Columns)
        {
            throw new ArgumentException(
                $"G [{g.Rows}, {g.Columns}] cannot be P^T Q with P [{p.Rows}, {p.Columns}] and Q [{q.Rows}, {q.Columns}]: the sizes do "
                    + $"not match.");
        }

        if (g.Rows > MostOuterRows)
        {
            throw new ArgumentException(
                $"An outer product with R = {g.Rows} is not small (at most {MostOuterRows}): use Multiply with transposeA.");
        }

        if (g.Rows == 0 || g.Columns == 0)
        {
            return;
        }

        fixed (float* pValues = p.Values, qValues = q.Values, gValues = g.Values)
        {
            var plan = new OuterPlan
            {
                P = pValues,
                PStride = p.Stride,
                Q = qValues,
                QStride = q.Stride,
                M = p.Rows,
                R = g.Rows,
                N = g.Columns,
                G = gValues,
                GStride = g.Stride,
                Accumulate = accumulate,
                BlockRows = OuterBlockRows,
            };
            switch (Path)
            {
                case GemmPath.Avx512:
                    RunOuter<Avx512Kernel>(ref plan);
                    break;
                case GemmPath.Avx2:
                    RunOuter<Avx2Kernel>(ref plan);
                    break;
                default:
                    RunOuter<ScalarKernel>(ref plan);
                    break;
            }
        }

        GC.KeepAlive(this);
    }

    private void RunOuter<TKernel>(ref OuterPlan plan)
        where TKernel : struct, IMicroKernel
    {
        plan.TileRows = OuterBody<TKernel>.EvenTileRows(plan.R);
        long panelBytes = (long)plan.RowTiles * plan.TileRows * Math.Max(1, plan.M) * sizeof(float);
        plan.PackedP = (float*)Grow(ref _packedA, panelBytes);
        fixed (OuterPlan* shared = &plan)
        {
            _threads.For(plan.RowTiles, new OuterPackBody(shared));
            _threads.For(plan.ItemCount(_threads.Count), new OuterBody<TKernel>(shared));
        }
    }
}
