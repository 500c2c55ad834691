using System.Numerics;
using System.Runtime.InteropServices;
using Rm.Kernels.Cpu.Threading;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cpu.Gemm;

/// <summary>
/// The right operand B [Depth, Columns] of a product A * B, packed once into panels of 32 columns. For weights that do not change.
/// </summary>
/// <remarks>
/// Panels lie in native memory, [ceil(Columns / 32), Depth, 32]; dispose of the matrix to free it. With bfloat16 storage a product
/// widens each panel as it uses it, which gives the bits of float32 storage at half the memory.
/// </remarks>
public sealed unsafe class PackedMatrix : IDisposable
{
    private readonly NativeBuffer _panels;

    private PackedMatrix(int depth, int columns, DType storage)
    {
        Depth = depth;
        Columns = columns;
        Storage = storage;
        _panels = new NativeBuffer(SizeOf(depth, columns, storage));
    }

    /// <summary>Length of the reduction.</summary>
    public int Depth { get; }

    /// <summary>Columns of the product.</summary>
    public int Columns { get; }

    /// <summary>How panels are stored: <see cref="DType.F32"/> or <see cref="DType.BF16"/>.</summary>
    public DType Storage { get; }

    /// <summary>Native memory in use, in bytes.</summary>
    public long Bytes => _panels.Bytes;

    internal int PanelCount => PanelsOf(Columns);

    /// <summary>Bytes that a matrix [<paramref name="depth"/>, <paramref name="columns"/>] takes packed.</summary>
    internal static long SizeOf(int depth, int columns, DType storage) =>
        (long)PanelsOf(columns) * depth * IMicroKernel.PanelColumns * storage.Size();

    /// <summary>Packs B = <paramref name="w"/>: <c>dX = dY W</c> with W [N, K] reduces over N, so Depth = N and Columns = K.</summary>
    /// <param name="w">The matrix [Depth, Columns].</param>
    /// <param name="threads">Team that shares the work.</param>
    /// <param name="allowBfloat16">Whether to store bfloat16 if every value is one exactly; float32 otherwise.</param>
    public static PackedMatrix Pack(ReadOnlyMatrix w, CpuThreads threads, bool allowBfloat16 = false)
        => Create(w, transposed: false, threads, allowBfloat16);

    /// <summary>Packs B = <paramref name="w"/>^T: <c>y = x W^T</c> with W [N, K] reduces over K, so Depth = K and Columns = N.</summary>
    /// <param name="w">The matrix [Columns, Depth].</param>
    /// <param name="threads">Team that shares the work.</param>
    /// <param name="allowBfloat16">Whether to store bfloat16 if every value is one exactly; float32 otherwise.</param>
    public static PackedMatrix PackTransposed(ReadOnlyMatrix w, CpuThreads threads, bool allowBfloat16 = false)
        => Create(w, transposed: true, threads, allowBfloat16);

    /// <inheritdoc/>
    public void Dispose() => _panels.Dispose();

    private static int PanelsOf(int columns) => (columns + IMicroKernel.PanelColumns - 1) / IMicroKernel.PanelColumns;

    /// <summary>Start of the panels; elements are as <see cref="Storage"/> says.</summary>
    internal void* Panels => _panels.Pointer;

    private static PackedMatrix Create(ReadOnlyMatrix w, bool transposed, CpuThreads threads, bool allowBfloat16)
    {
        ArgumentNullException.ThrowIfNull(threads);
        bool narrow = allowBfloat16 && IsBfloat16(w);
        var packed = new PackedMatrix(
            transposed ? w.Columns : w.Rows, transposed ? w.Rows : w.Columns, narrow ? DType.BF16 : DType.F32);
        if (w.IsEmpty)
        {
            return packed;
        }

        fixed (float* source = w.Values)
        {
            var strips = new StripPacker(source, w.Stride, transposed, packed.Columns, packed.Depth);
            if (narrow)
            {
                threads.For(packed.PanelCount, new NarrowPacker(strips, (ushort*)packed.Panels));
            }
            else
            {
                threads.For(packed.PanelCount, new WidePacker(strips, (float*)packed.Panels));
            }
        }

        GC.KeepAlive(packed);
        return packed;
    }

    private static bool IsBfloat16(ReadOnlyMatrix w)
    {
        for (int row = 0; row < w.Rows && !w.IsEmpty; row++)
        {
            ReadOnlySpan<uint> bits = MemoryMarshal.Cast<float, uint>(w.Values.Slice((int)((long)row * w.Stride), w.Columns));
            Vector<uint> any = default;
            while (bits.Length >= Vector<uint>.Count)
            {
                any |= new Vector<uint>(bits);
                bits = bits[Vector<uint>.Count..];
            }

            uint low = 0;
            foreach (uint value in bits)
            {
                low |= value;
            }

            if ((ushort)low != 0 || (any & new Vector<uint>(ushort.MaxValue)) != default)
            {
                return false;
            }
        }

        return true;
    }

    internal readonly struct WidePacker(StripPacker strips, float* panels) : IParallelBody
    {
        public void Run(int item) => strips.Pack(item, panels + ((long)item * strips.PanelElements));
    }

    private readonly struct NarrowPacker(StripPacker strips, ushort* panels) : IParallelBody
    {
        public void Run(int item)
        {
            float* wide = (float*)ThreadScratch.Get(strips.PanelElements * sizeof(float));
            strips.Pack(item, wide);
            ushort* panel = panels + ((long)item * strips.PanelElements);
            for (long i = 0; i < strips.PanelElements; i++)
            {
                panel[i] = (ushort)(BitConverter.SingleToUInt32Bits(wide[i]) >> 16);
            }
        }
    }
}
