using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Rm.Kernels.Cpu.Attention;

/// <summary>
/// C [rows, 16 * vectors] (+)= A [rows, depth] B [depth, 16 * vectors], the only matrix product of attention. Each element is one chain of
/// fused multiply-adds in increasing depth, whichever instruction set runs it.
/// </summary>
internal static unsafe class TileProduct
{
    /// <summary>Rows computed at once; callers pad their tiles to a multiple of it.</summary>
    public const int Rows = 4;

    private const int Lanes = VectorMath.Lanes;

    /// <summary>
    /// Four rows of C. A's elements may lie at any strides, which serves transposed operands; rows of B and C are adjacent lanes.
    /// </summary>
    /// <param name="a">First element of A.</param>
    /// <param name="aRow">Distance between rows of A.</param>
    /// <param name="aStep">Distance between steps of the reduction in A.</param>
    /// <param name="b">B.</param>
    /// <param name="bStep">Distance between rows of B.</param>
    /// <param name="c">C.</param>
    /// <param name="cRow">Distance between rows of C.</param>
    /// <param name="depth">Steps of the reduction.</param>
    /// <param name="vectors">Columns of C in vectors of 16.</param>
    /// <param name="accumulate">Whether C is added to instead of assigned.</param>
    public static void FourRows(
        float* a, nint aRow, nint aStep, float* b, nint bStep, float* c, nint cRow, int depth, int vectors, bool accumulate)
    {
        // Not Vector512.IsHardwareAccelerated: .NET says no on the first Intel generations with AVX-512, where it still nearly halves the
        // time.
        if (!Avx512F.IsSupported)
        {
            for (int v = 0; v < vectors; v++)
            {
                OneVectorOfHalves(a, aRow, aStep, b + (v * Lanes), bStep, c + (v * Lanes), cRow, depth, accumulate);
            }

            return;
        }

        for (; vectors >= 4; vectors -= 4, b += 4 * Lanes, c += 4 * Lanes)
        {
            Vectors<Four>(a, aRow, aStep, b, bStep, c, cRow, depth, accumulate);
        }

        switch (vectors)
        {
            case 3:
                Vectors<Three>(a, aRow, aStep, b, bStep, c, cRow, depth, accumulate);
                break;
            case 2:
                Vectors<Two>(a, aRow, aStep, b, bStep, c, cRow, depth, accumulate);
                break;
            case 1:
                Vectors<One>(a, aRow, aStep, b, bStep, c, cRow, depth, accumulate);
                break;
        }
    }

    // One body for all widths: TWidth.Count is a constant in each instantiation, so unused accumulators vanish.
    private static void Vectors<TWidth>(
        float* a, nint aRow, nint aStep, float* b, nint bStep, float* c, nint cRow, int depth, bool accumulate)
        where TWidth : struct, IWidth
    {
        Vector512<float> c00 = default, c01 = default, c02 = default, c03 = default;
        Vector512<float> c10 = default, c11 = default, c12 = default, c13 = default;
        Vector512<float> c20 = default, c21 = default, c22 = default, c23 = default;
        Vector512<float> c30 = default, c31 = default, c32 = default, c33 = default;
        float* c1 = c + cRow;
        float* c2 = c1 + cRow;
        float* c3 = c2 + cRow;
        if (accumulate)
        {
            LoadRow<TWidth>(c, ref c00, ref c01, ref c02, ref c03);
            LoadRow<TWidth>(c1, ref c10, ref c11, ref c12, ref c13);
            LoadRow<TWidth>(c2, ref c20, ref c21, ref c22, ref c23);
            LoadRow<TWidth>(c3, ref c30, ref c31, ref c32, ref c33);
        }

        float* a1 = a + aRow;
        float* a2 = a1 + aRow;
        float* a3 = a2 + aRow;
        for (int step = 0; step < depth; step++)
        {
            var b0 = Vector512.Load(b);
            Vector512<float> b1 = TWidth.Count > 1 ? Vector512.Load(b + Lanes) : default;
            Vector512<float> b2 = TWidth.Count > 2 ? Vector512.Load(b + (2 * Lanes)) : default;
            Vector512<float> b3 = TWidth.Count > 3 ? Vector512.Load(b + (3 * Lanes)) : default;
            MultiplyRow<TWidth>(*a, b0, b1, b2, b3, ref c00, ref c01, ref c02, ref c03);
            MultiplyRow<TWidth>(*a1, b0, b1, b2, b3, ref c10, ref c11, ref c12, ref c13);
            MultiplyRow<TWidth>(*a2, b0, b1, b2, b3, ref c20, ref c21, ref c22, ref c23);
            MultiplyRow<TWidth>(*a3, b0, b1, b2, b3, ref c30, ref c31, ref c32, ref c33);
            a += aStep;
            a1 += aStep;
            a2 += aStep;
            a3 += aStep;
            b += bStep;
        }

        StoreRow<TWidth>(c, c00, c01, c02, c03);
        StoreRow<TWidth>(c1, c10, c11, c12, c13);
        StoreRow<TWidth>(c2, c20, c21, c22, c23);
        StoreRow<TWidth>(c3, c30, c31, c32, c33);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MultiplyRow<TWidth>(
        float a, Vector512<float> b0, Vector512<float> b1, Vector512<float> b2, Vector512<float> b3,
        ref Vector512<float> c0, ref Vector512<float> c1, ref Vector512<float> c2, ref Vector512<float> c3)
        where TWidth : struct, IWidth
    {
        var broadcast = Vector512.Create(a);
        c0 = Vector512.FusedMultiplyAdd(broadcast, b0, c0);
        if (TWidth.Count > 1)
        {
            c1 = Vector512.FusedMultiplyAdd(broadcast, b1, c1);
        }

        if (TWidth.Count > 2)
        {
            c2 = Vector512.FusedMultiplyAdd(broadcast, b2, c2);
        }

        if (TWidth.Count > 3)
        {
            c3 = Vector512.FusedMultiplyAdd(broadcast, b3, c3);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void LoadRow<TWidth>(
        float* row, ref Vector512<float> c0, ref Vector512<float> c1, ref Vector512<float> c2, ref Vector512<float> c3)
        where TWidth : struct, IWidth
    {
        c0 = Vector512.Load(row);
        c1 = TWidth.Count > 1 ? Vector512.Load(row + Lanes) : default;
        c2 = TWidth.Count > 2 ? Vector512.Load(row + (2 * Lanes)) : default;
        c3 = TWidth.Count > 3 ? Vector512.Load(row + (3 * Lanes)) : default;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreRow<TWidth>(
        float* row, Vector512<float> c0, Vector512<float> c1, Vector512<float> c2, Vector512<float> c3)
        where TWidth : struct, IWidth
    {
        c0.Store(row);
        if (TWidth.Count > 1)
        {
            c1.Store(row + Lanes);
        }

        if (TWidth.Count > 2)
        {
            c2.Store(row + (2 * Lanes));
        }

        if (TWidth.Count > 3)
        {
            c3.Store(row + (3 * Lanes));
        }
    }

    // Sixteen columns in two 256-bit halves: eight accumulators fit AVX2's sixteen registers.
    internal static void OneVectorOfHalves(
        float* a, nint aRow, nint aStep, float* b, nint bStep, float* c, nint cRow, int depth, bool accumulate)
    {
        Vector256<float> l0 = default, l1 = default, l2 = default, l3 = default;
        Vector256<float> u0 = default, u1 = default, u2 = default, u3 = default;
        float* c1 = c + cRow;
        float* c2 = c1 + cRow;
        float* c3 = c2 + cRow;
        if (accumulate)
        {
            l0 = Vector256.Load(c);
            u0 = Vector256.Load(c + 8);
            l1 = Vector256.Load(c1);
            u1 = Vector256.Load(c1 + 8);
            l2 = Vector256.Load(c2);
            u2 = Vector256.Load(c2 + 8);
            l3 = Vector256.Load(c3);
            u3 = Vector256.Load(c3 + 8);
        }

        for (int step = 0; step < depth; step++)
        {
            var lower = Vector256.Load(b);
            var upper = Vector256.Load(b + 8);
            var a0 = Vector256.Create(*a);
            l0 = Vector256.FusedMultiplyAdd(a0, lower, l0);
            u0 = Vector256.FusedMultiplyAdd(a0, upper, u0);
            var a1 = Vector256.Create(a[aRow]);
            l1 = Vector256.FusedMultiplyAdd(a1, lower, l1);
            u1 = Vector256.FusedMultiplyAdd(a1, upper, u1);
            var a2 = Vector256.Create(a[2 * aRow]);
            l2 = Vector256.FusedMultiplyAdd(a2, lower, l2);
            u2 = Vector256.FusedMultiplyAdd(a2, upper, u2);
            var a3 = Vector256.Create(a[3 * aRow]);
            l3 = Vector256.FusedMultiplyAdd(a3, lower, l3);
            u3 = Vector256.FusedMultiplyAdd(a3, upper, u3);
            a += aStep;
            b += bStep;
        }

        l0.Store(c);
        u0.Store(c + 8);
        l1.Store(c1);
        u1.Store(c1 + 8);
        l2.Store(c2);
        u2.Store(c2 + 8);
        l3.Store(c3);
        u3.Store(c3 + 8);
    }

    private interface IWidth
    {
        static abstract int Count { get; }
    }

    private readonly struct One : IWidth
    {
        public static int Count => 1;
    }

    private readonly struct Two : IWidth
    {
        public static int Count => 2;
    }

    private readonly struct Three : IWidth
    {
        public static int Count => 3;
    }

    private readonly struct Four : IWidth
    {
        public static int Count => 4;
    }
}
