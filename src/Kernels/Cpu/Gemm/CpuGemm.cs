using Rm.Kernels.Cpu.Threading;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cpu.Gemm;

/// <summary>
/// Matrix products in float32 on the CPU. Every element of a result is one chain of fused multiply-adds in increasing k, so its bits
/// depend neither on the number of rows, nor on where its row stands, nor on the thread count, nor on the instruction set.
/// </summary>
/// <remarks>An instance owns the buffers that it packs into, which grow to the largest product; use it from one thread at a time.</remarks>
public sealed unsafe partial class CpuGemm : IDisposable
{
    // A block of row tiles fills about half of a 1 MiB L2; all packed rows of one pass stay in a share of L3.
    private const long BlockBytes = 384 << 10;
    private const long PassBytes = 8 << 20;
    private const int MaxKBlock = 1024;

    // Widening a bfloat16 panel costs about a third of a tile; an item spreads it over this many.
    private const int TilesPerWidening = 12;

    // Work of one loop item below which taking the item costs: about 10 us of one core.
    private const long ItemFlops = 1 << 20;

    private readonly CpuThreads _threads;
    private NativeBuffer? _packedA;
    private NativeBuffer? _packedB;
    private NativeBuffer? _packedExtension;

    /// <summary>Prepares products on a thread team.</summary>
    /// <param name="threads">The team; not disposed of with this.</param>
    /// <param name="path">Instruction set; null for the best that the processor has.</param>
    /// <exception cref="ArgumentException">The processor does not run <paramref name="path"/>.</exception>
    public CpuGemm(CpuThreads threads, GemmPath? path = null)
    {
        ArgumentNullException.ThrowIfNull(threads);
        _threads = threads;
        Path = path ?? GemmPaths.Best;
        if (!GemmPaths.IsSupported(Path))
        {
            throw new ArgumentException(
                $"This processor does not run the {Path} path; the best it runs is {GemmPaths.Best}.", nameof(path));
        }
    }

    /// <summary>The instruction set in use.</summary>
    public GemmPath Path { get; }

    /// <summary>C [M, N] (+)= A [M, K] * B [K, N] with a packed B.</summary>
    /// <param name="a">A, [M, K].</param>
    /// <param name="b">B, Depth = K and Columns = N.</param>
    /// <param name="c">C, [M, N]; must not overlap the operands, except the residual if that is C itself.</param>
    /// <param name="options">Bias, residual, extension, accumulation.</param>
    /// <exception cref="ArgumentException">Sizes do not fit together.</exception>
    public void Multiply(ReadOnlyMatrix a, PackedMatrix b, Matrix c, GemmOptions options = default)
    {
        ArgumentNullException.ThrowIfNull(b);
        if (a.Columns != b.Depth || c.Rows != a.Rows || c.Columns != b.Columns)
        {
            throw new ArgumentException(
                $"C [{c.Rows}, {c.Columns}] cannot be A [{a.Rows}, {a.Columns}] * B [{b.Depth}, {b.Columns}]: the sizes do not match.");
        }

        Multiply(a, transposeA: false, b.Panels, b.Storage == DType.BF16, b.Depth, c, options);
        GC.KeepAlive(b);
    }

    /// <summary>C [M, N] (+)= op(A) * op(B) with both operands packed on the fly; op transposes where asked.</summary>
    /// <param name="a">A, [M, K], or [K, M] with <paramref name="transposeA"/>.</param>
    /// <param name="transposeA">Whether A is given transposed.</param>
    /// <param name="b">B, [K, N], or [N, K] with <paramref name="transposeB"/>.</param>
    /// <param name="transposeB">Whether B is given transposed.</param>
    /// <param name="c">C, [M, N]; must not overlap the operands, except the residual if that is C itself.</param>
    /// <param name="options">Bias, residual, extension, accumulation.</param>
    /// <exception cref="ArgumentException">Sizes do not fit together.</exception>
    public void Multiply(
        ReadOnlyMatrix a, bool transposeA, ReadOnlyMatrix b, bool transposeB, Matrix c, GemmOptions options = default)
    {
        (int m, int k) = transposeA ? (a.Columns, a.Rows) : (a.Rows, a.Columns);
        (int depth, int n) = transposeB ? (b.Columns, b.Rows) : (b.Rows, b.Columns);
        if (k != depth || c.Rows != m || c.Columns != n)
        {
            throw new ArgumentException(
                $"C [{c.Rows}, {c.Columns}] cannot be op(A) [{m}, {k}] * op(B) [{depth}, {n}]: the sizes do not match.");
        }

        fixed (float* source = b.Values)
        {
            float* panels = (float*)Grow(ref _packedB, (n + 31L) / 32 * 32 * k * sizeof(float));
            var strips = new StripPacker(source, b.Stride, transposeB, n, k);
            if (!b.IsEmpty)
            {
                _threads.For((n + 31) / 32, new PackedMatrix.WidePacker(strips, panels));
            }

            Multiply(a, transposeA, panels, narrowPanels: false, k, c, options);
        }
    }

    /// <summary>Frees the buffers.</summary>
    public void Dispose()
    {
        _packedA?.Dispose();
        _packedB?.Dispose();
        _packedExtension?.Dispose();
        _packedSkinny?.Dispose();
    }

    private static void* Grow(ref NativeBuffer? buffer, long bytes)
    {
        if (buffer is null || buffer.Bytes < bytes)
        {
            buffer?.Dispose();
            buffer = null; // should the allocation fail, nothing disposed of is left behind
            buffer = new NativeBuffer(bytes);
        }

        return buffer.Pointer;
    }

    private void Multiply(
        ReadOnlyMatrix a, bool transposeA, void* panels, bool narrowPanels, int k, Matrix c, GemmOptions options)
    {
        CheckOptions(c, options);
        if (c.Rows == 0 || c.Columns == 0)
        {
            return;
        }

        fixed (float* aValues = a.Values, cValues = c.Values, bias = options.Bias, residual = options.Residual.Values)
        fixed (float* s = options.ExtensionA.Values, extension = options.ExtensionB.Values)
        {
            var plan = new GemmPlan
            {
                N = c.Columns,
                K = k,
                R = options.ExtensionA.Columns,
                AStride = a.Stride,
                TransposeA = transposeA,
                Panels = panels,
                NarrowPanels = narrowPanels,
                SStride = options.ExtensionA.Stride,
                CStride = c.Stride,
                Accumulate = options.Accumulate,
                Bias = bias,
                ResidualStride = options.Residual.Stride,
            };
            var strips = new StripPacker(extension, options.ExtensionB.Stride, options.TransposeExtensionB, plan.N, plan.R);
            if (plan.R > 0)
            {
                plan.ExtensionRows = ((int, int)*)Grow(
                    ref _packedExtension, plan.ColumnPanels * ((strips.PanelElements * sizeof(float)) + sizeof((int, int))));
                plan.ExtensionPanels = (float*)(plan.ExtensionRows + plan.ColumnPanels);
            }

            switch (Path)
            {
                case GemmPath.Avx512:
                    RunPasses<Avx512Kernel>(ref plan, strips, c.Rows, aValues, s, cValues, residual);
                    break;
                case GemmPath.Avx2:
                    RunPasses<Avx2Kernel>(ref plan, strips, c.Rows, aValues, s, cValues, residual);
                    break;
                default:
                    RunPasses<ScalarKernel>(ref plan, strips, c.Rows, aValues, s, cValues, residual);
                    break;
            }
        }

        // The loops hold only pointers into the buffers; their owners must outlive them.
        GC.KeepAlive(this);
    }

    // Rows go in passes whose packed A stays in cache between the two loops.
    private void RunPasses<TKernel>(
        ref GemmPlan plan, StripPacker extension, int rows, float* a, float* s, float* c, float* residual)
        where TKernel : struct, IMicroKernel
    {
        plan.TileRows = TKernel.TileRows;
        long tileBytes = Math.Max(1, plan.TileElements * sizeof(float));
        int tiles = (rows + plan.TileRows - 1) / plan.TileRows;
        int tilesPerPass = (int)Math.Clamp(PassBytes / tileBytes, 1, tiles);
        int passes = (tiles + tilesPerPass - 1) / tilesPerPass;
        tilesPerPass = (tiles + passes - 1) / passes;
        plan.PackedA = (float*)Grow(ref _packedA, tilesPerPass * tileBytes);
        long fewest = plan.NarrowPanels ? TilesPerWidening : 1;
        int blocks = (int)Math.Max(1, tilesPerPass / Math.Max(fewest, BlockBytes / tileBytes));
        plan.TilesPerItem = (tilesPerPass + blocks - 1) / blocks;
        long panelFlops = 2L * plan.TilesPerItem * plan.TileRows * IMicroKernel.PanelColumns * Math.Max(1, plan.K + plan.R);
        plan.PanelsPerItem = (int)Math.Clamp(ItemFlops / panelFlops, 1, plan.ColumnPanels);
        plan.KBlock = plan.K == 0 ? 1 : SplitEvenly(plan.K, MaxKBlock);

        fixed (GemmPlan* shared = &plan)
        {
            for (int tile = 0; tile < tiles; tile += tilesPerPass)
            {
                int row = tile * plan.TileRows;
                plan.M = Math.Min(rows - row, tilesPerPass * plan.TileRows);
                plan.A = a + (plan.TransposeA ? row : row * plan.AStride);
                plan.S = s + (row * plan.SStride);
                plan.C = c + (row * plan.CStride);
                plan.Residual = residual == null ? null : residual + (row * plan.ResidualStride);
                int extensionPanels = tile == 0 && plan.R > 0 ? plan.ColumnPanels : 0;
                _threads.For(plan.RowTiles + extensionPanels, new GemmLoops.PackBody<TKernel>(shared, extension));
                int blocksOfRows = (plan.RowTiles + plan.TilesPerItem - 1) / plan.TilesPerItem;
                int groups = (plan.ColumnPanels + plan.PanelsPerItem - 1) / plan.PanelsPerItem;
                _threads.For(blocksOfRows * groups, new GemmLoops.TileBody<TKernel>(shared));
            }
        }
    }

    private static int SplitEvenly(int total, int most)
    {
        int parts = (total + most - 1) / most;
        return (total + parts - 1) / parts;
    }

    private static void CheckOptions(Matrix c, GemmOptions options)
    {
        if (options.Bias.Length != 0 && options.Bias.Length != c.Columns)
        {
            throw new ArgumentException($"A bias for C [{c.Rows}, {c.Columns}] has {c.Columns} elements, not {options.Bias.Length}.");
        }

        ReadOnlyMatrix residual = options.Residual;
        if (!residual.IsEmpty && (residual.Rows != c.Rows || residual.Columns != c.Columns))
        {
            throw new ArgumentException($"The residual [{residual.Rows}, {residual.Columns}] must be like C [{c.Rows}, {c.Columns}].");
        }

        (int r, int n) = options.TransposeExtensionB
            ? (options.ExtensionB.Columns, options.ExtensionB.Rows)
            : (options.ExtensionB.Rows, options.ExtensionB.Columns);
        if (options.ExtensionA.Columns == 0 && r == 0)
        {
            return;
        }

        if (options.ExtensionA.Rows != c.Rows || options.ExtensionA.Columns != r || n != c.Columns)
        {
            throw new ArgumentException(
                $"The extension [{options.ExtensionA.Rows}, {options.ExtensionA.Columns}] * [{r}, {n}] does not fit C [{c.Rows}, "
                    + $"{c.Columns}].");
        }
    }
}
