using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Rm.Kernels.Cpu.Gemm;

/// <summary>
/// AVX2 tiles of up to 6 x 16, two beside each other: 12 accumulators, two vectors of B and one broadcast of A fill 15 of the 16 registers.
/// </summary>
internal readonly unsafe struct Avx2Kernel : IMicroKernel
{
    /// <inheritdoc/>
    public static int TileRows => 6;

    /// <inheritdoc/>
    public static int TileHeight(int rows) => rows > 4 ? 6 : rows > 2 ? 4 : 2;

    /// <inheritdoc/>
    public static void Run(int height, in TileArguments t)
    {
        switch (height)
        {
            case 6:
                Tile<Rows6>(t, 0);
                Tile<Rows6>(t, 16);
                break;
            case 4:
                Tile<Rows4>(t, 0);
                Tile<Rows4>(t, 16);
                break;
            default:
                Tile<Rows2>(t, 0);
                Tile<Rows2>(t, 16);
                break;
        }
    }

    // One body for all heights: TRows.Count is a constant to the JIT, which drops the rows that a height has not. Accumulators are
    // written out because only plain locals become registers; a look at the JIT's output must show no vector spill in the k loop.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile<TRows>(in TileArguments t, int column)
        where TRows : struct, IRows
    {
        float* c = t.C + column;
        nint s = t.CStride;
        Vector256<float> c0a = default, c0b = default;
        Vector256<float> c1a = default, c1b = default;
        Vector256<float> c2a = default, c2b = default;
        Vector256<float> c3a = default, c3b = default;
        Vector256<float> c4a = default, c4b = default;
        Vector256<float> c5a = default, c5b = default;
        if (t.Start != null)
        {
            float* from = t.Start + column;
            nint fs = t.StartStride;
            if (TRows.Count > 0) { c0a = Load(from + (0 * fs)); c0b = Load(from + (0 * fs) + 8); }

            if (TRows.Count > 1) { c1a = Load(from + (1 * fs)); c1b = Load(from + (1 * fs) + 8); }

            if (TRows.Count > 2) { c2a = Load(from + (2 * fs)); c2b = Load(from + (2 * fs) + 8); }

            if (TRows.Count > 3) { c3a = Load(from + (3 * fs)); c3b = Load(from + (3 * fs) + 8); }

            if (TRows.Count > 4) { c4a = Load(from + (4 * fs)); c4b = Load(from + (4 * fs) + 8); }

            if (TRows.Count > 5) { c5a = Load(from + (5 * fs)); c5b = Load(from + (5 * fs) + 8); }
        }

        float* a = t.A;
        float* b = t.B + column;
        nint aStride = t.AStride;
        nint bStride = t.BStride;
        int k = t.K;
        int extensionK = t.ExtensionK;
        while (true)
        {
            for (; k > 0; k--)
            {
                Vector256<float> b0 = Load(b), b1 = Load(b + 8), x;
                if (TRows.Count > 0) { x = Vector256.Create(a[0]); c0a = Mac(x, b0, c0a); c0b = Mac(x, b1, c0b); }

                if (TRows.Count > 1) { x = Vector256.Create(a[1]); c1a = Mac(x, b0, c1a); c1b = Mac(x, b1, c1b); }

                if (TRows.Count > 2) { x = Vector256.Create(a[2]); c2a = Mac(x, b0, c2a); c2b = Mac(x, b1, c2b); }

                if (TRows.Count > 3) { x = Vector256.Create(a[3]); c3a = Mac(x, b0, c3a); c3b = Mac(x, b1, c3b); }

                if (TRows.Count > 4) { x = Vector256.Create(a[4]); c4a = Mac(x, b0, c4a); c4b = Mac(x, b1, c4b); }

                if (TRows.Count > 5) { x = Vector256.Create(a[5]); c5a = Mac(x, b0, c5a); c5b = Mac(x, b1, c5b); }

                a += aStride;
                b += bStride;
            }

            if (extensionK == 0)
            {
                break;
            }

            a = t.ExtensionA;
            b = t.ExtensionB + column;
            bStride = IMicroKernel.PanelColumns;
            k = extensionK;
            extensionK = 0;
        }

        if (TRows.Count > 0) { c0a.Store(c + (0 * s)); c0b.Store(c + (0 * s) + 8); }

        if (TRows.Count > 1) { c1a.Store(c + (1 * s)); c1b.Store(c + (1 * s) + 8); }

        if (TRows.Count > 2) { c2a.Store(c + (2 * s)); c2b.Store(c + (2 * s) + 8); }

        if (TRows.Count > 3) { c3a.Store(c + (3 * s)); c3b.Store(c + (3 * s) + 8); }

        if (TRows.Count > 4) { c4a.Store(c + (4 * s)); c4b.Store(c + (4 * s) + 8); }

        if (TRows.Count > 5) { c5a.Store(c + (5 * s)); c5b.Store(c + (5 * s) + 8); }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Load(float* p) => Vector256.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Mac(Vector256<float> a, Vector256<float> b, Vector256<float> c) => Fma.MultiplyAdd(a, b, c);

    private interface IRows
    {
        static abstract int Count { get; }
    }

    private readonly struct Rows6 : IRows
    {
        public static int Count => 6;
    }

    private readonly struct Rows4 : IRows
    {
        public static int Count => 4;
    }

    private readonly struct Rows2 : IRows
    {
        public static int Count => 2;
    }
}
