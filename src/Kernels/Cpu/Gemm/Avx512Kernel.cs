using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Rm.Kernels.Cpu.Gemm;

/// <summary>AVX-512 tiles of up to 14 x 32: 28 accumulators, two vectors of B and one broadcast of A fill 31 of the 32 registers.</summary>
internal readonly unsafe struct Avx512Kernel : IMicroKernel
{
    /// <inheritdoc/>
    public static int TileRows => 14;

    /// <inheritdoc/>
    public static int TileHeight(int rows) => rows > 8 ? 14 : rows > 4 ? 8 : rows > 2 ? 4 : 2;

    /// <inheritdoc/>
    public static void Run(int height, in TileArguments t)
    {
        switch (height)
        {
            case 14:
                Tile<Rows14>(t);
                break;
            case 8:
                Tile<Rows8>(t);
                break;
            case 4:
                Tile<Rows4>(t);
                break;
            default:
                Tile<Rows2>(t);
                break;
        }
    }

    // One body for all heights: TRows.Count is a constant to the JIT, which drops the rows that a height has not. Accumulators are
    // written out because only plain locals become registers; a look at the JIT's output must show no vector spill in the k loop.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile<TRows>(in TileArguments t)
        where TRows : struct, IRows
    {
        float* c = t.C;
        nint s = t.CStride;
        Vector512<float> c0a = default, c0b = default;
        Vector512<float> c1a = default, c1b = default;
        Vector512<float> c2a = default, c2b = default;
        Vector512<float> c3a = default, c3b = default;
        Vector512<float> c4a = default, c4b = default;
        Vector512<float> c5a = default, c5b = default;
        Vector512<float> c6a = default, c6b = default;
        Vector512<float> c7a = default, c7b = default;
        Vector512<float> c8a = default, c8b = default;
        Vector512<float> c9a = default, c9b = default;
        Vector512<float> c10a = default, c10b = default;
        Vector512<float> c11a = default, c11b = default;
        Vector512<float> c12a = default, c12b = default;
        Vector512<float> c13a = default, c13b = default;
        if (t.Start != null)
        {
            float* from = t.Start;
            nint fs = t.StartStride;
            if (TRows.Count > 0) { c0a = Load(from + (0 * fs)); c0b = Load(from + (0 * fs) + 16); }

            if (TRows.Count > 1) { c1a = Load(from + (1 * fs)); c1b = Load(from + (1 * fs) + 16); }

            if (TRows.Count > 2) { c2a = Load(from + (2 * fs)); c2b = Load(from + (2 * fs) + 16); }

            if (TRows.Count > 3) { c3a = Load(from + (3 * fs)); c3b = Load(from + (3 * fs) + 16); }

            if (TRows.Count > 4) { c4a = Load(from + (4 * fs)); c4b = Load(from + (4 * fs) + 16); }

            if (TRows.Count > 5) { c5a = Load(from + (5 * fs)); c5b = Load(from + (5 * fs) + 16); }

            if (TRows.Count > 6) { c6a = Load(from + (6 * fs)); c6b = Load(from + (6 * fs) + 16); }

            if (TRows.Count > 7) { c7a = Load(from + (7 * fs)); c7b = Load(from + (7 * fs) + 16); }

            if (TRows.Count > 8) { c8a = Load(from + (8 * fs)); c8b = Load(from + (8 * fs) + 16); }

            if (TRows.Count > 9) { c9a = Load(from + (9 * fs)); c9b = Load(from + (9 * fs) + 16); }

            if (TRows.Count > 10) { c10a = Load(from + (10 * fs)); c10b = Load(from + (10 * fs) + 16); }

            if (TRows.Count > 11) { c11a = Load(from + (11 * fs)); c11b = Load(from + (11 * fs) + 16); }

            if (TRows.Count > 12) { c12a = Load(from + (12 * fs)); c12b = Load(from + (12 * fs) + 16); }

            if (TRows.Count > 13) { c13a = Load(from + (13 * fs)); c13b = Load(from + (13 * fs) + 16); }
        }

        float* a = t.A;
        float* b = t.B;
        nint aStride = t.AStride;
        nint bStride = t.BStride;
        int k = t.K;
        int extensionK = t.ExtensionK;
        while (true)
        {
            for (; k > 0; k--)
            {
                Vector512<float> b0 = Load(b), b1 = Load(b + 16), x;
                if (TRows.Count > 0) { x = Vector512.Create(a[0]); c0a = Mac(x, b0, c0a); c0b = Mac(x, b1, c0b); }

                if (TRows.Count > 1) { x = Vector512.Create(a[1]); c1a = Mac(x, b0, c1a); c1b = Mac(x, b1, c1b); }

                if (TRows.Count > 2) { x = Vector512.Create(a[2]); c2a = Mac(x, b0, c2a); c2b = Mac(x, b1, c2b); }

                if (TRows.Count > 3) { x = Vector512.Create(a[3]); c3a = Mac(x, b0, c3a); c3b = Mac(x, b1, c3b); }

                if (TRows.Count > 4) { x = Vector512.Create(a[4]); c4a = Mac(x, b0, c4a); c4b = Mac(x, b1, c4b); }

                if (TRows.Count > 5) { x = Vector512.Create(a[5]); c5a = Mac(x, b0, c5a); c5b = Mac(x, b1, c5b); }

                if (TRows.Count > 6) { x = Vector512.Create(a[6]); c6a = Mac(x, b0, c6a); c6b = Mac(x, b1, c6b); }

                if (TRows.Count > 7) { x = Vector512.Create(a[7]); c7a = Mac(x, b0, c7a); c7b = Mac(x, b1, c7b); }

                if (TRows.Count > 8) { x = Vector512.Create(a[8]); c8a = Mac(x, b0, c8a); c8b = Mac(x, b1, c8b); }

                if (TRows.Count > 9) { x = Vector512.Create(a[9]); c9a = Mac(x, b0, c9a); c9b = Mac(x, b1, c9b); }

                if (TRows.Count > 10) { x = Vector512.Create(a[10]); c10a = Mac(x, b0, c10a); c10b = Mac(x, b1, c10b); }

                if (TRows.Count > 11) { x = Vector512.Create(a[11]); c11a = Mac(x, b0, c11a); c11b = Mac(x, b1, c11b); }

                if (TRows.Count > 12) { x = Vector512.Create(a[12]); c12a = Mac(x, b0, c12a); c12b = Mac(x, b1, c12b); }

                if (TRows.Count > 13) { x = Vector512.Create(a[13]); c13a = Mac(x, b0, c13a); c13b = Mac(x, b1, c13b); }

                a += aStride;
                b += bStride;
            }

            if (extensionK == 0)
            {
                break;
            }

            a = t.ExtensionA;
            b = t.ExtensionB;
            bStride = IMicroKernel.PanelColumns;
            k = extensionK;
            extensionK = 0;
        }

        if (TRows.Count > 0) { c0a.Store(c + (0 * s)); c0b.Store(c + (0 * s) + 16); }

        if (TRows.Count > 1) { c1a.Store(c + (1 * s)); c1b.Store(c + (1 * s) + 16); }

        if (TRows.Count > 2) { c2a.Store(c + (2 * s)); c2b.Store(c + (2 * s) + 16); }

        if (TRows.Count > 3) { c3a.Store(c + (3 * s)); c3b.Store(c + (3 * s) + 16); }

        if (TRows.Count > 4) { c4a.Store(c + (4 * s)); c4b.Store(c + (4 * s) + 16); }

        if (TRows.Count > 5) { c5a.Store(c + (5 * s)); c5b.Store(c + (5 * s) + 16); }

        if (TRows.Count > 6) { c6a.Store(c + (6 * s)); c6b.Store(c + (6 * s) + 16); }

        if (TRows.Count > 7) { c7a.Store(c + (7 * s)); c7b.Store(c + (7 * s) + 16); }

        if (TRows.Count > 8) { c8a.Store(c + (8 * s)); c8b.Store(c + (8 * s) + 16); }

        if (TRows.Count > 9) { c9a.Store(c + (9 * s)); c9b.Store(c + (9 * s) + 16); }

        if (TRows.Count > 10) { c10a.Store(c + (10 * s)); c10b.Store(c + (10 * s) + 16); }

        if (TRows.Count > 11) { c11a.Store(c + (11 * s)); c11b.Store(c + (11 * s) + 16); }

        if (TRows.Count > 12) { c12a.Store(c + (12 * s)); c12b.Store(c + (12 * s) + 16); }

        if (TRows.Count > 13) { c13a.Store(c + (13 * s)); c13b.Store(c + (13 * s) + 16); }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Load(float* p) => Vector512.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Mac(Vector512<float> a, Vector512<float> b, Vector512<float> c) => Avx512F.FusedMultiplyAdd(a, b, c);

    private interface IRows
    {
        static abstract int Count { get; }
    }

    private readonly struct Rows14 : IRows
    {
        public static int Count => 14;
    }

    private readonly struct Rows8 : IRows
    {
        public static int Count => 8;
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
