using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Rm.Kernels.Cpu;

/// <summary>
/// Sixteen-lane float32 arithmetic. Everything is a fixed sequence of correctly rounded operations, so that AVX-512, two AVX2 halves
/// and scalar code give the same bits, and a reduction's order depends on its length alone.
/// </summary>
internal static unsafe class VectorMath
{
    /// <summary>Lanes of a vector.</summary>
    public const int Lanes = 16;

    /// <summary>Loads <paramref name="count"/> elements, or 16 if there are more; missing lanes are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* source, int count) => count >= Lanes ? Vector512.Load(source) : LoadPartial(source, count);

    /// <summary>Stores the first <paramref name="count"/> lanes, or 16 if there are more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, float* destination, int count)
    {
        if (count >= Lanes)
        {
            value.Store(destination);
        }
        else
        {
            StorePartial(value, destination, count);
        }
    }

    /// <summary>Sum of the lanes as a fixed binary tree.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512<float> value)
    {
        Vector256<float> eight = value.GetLower() + value.GetUpper();
        Vector128<float> four = eight.GetLower() + eight.GetUpper();
        Vector128<float> two = four + Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1));
        return two.GetElement(0) + two.GetElement(1);
    }

    /// <summary>Largest lane; NaN when a lane is NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector512<float> value)
    {
        Vector256<float> eight = Vector256.Max(value.GetLower(), value.GetUpper());
        Vector128<float> four = Vector128.Max(eight.GetLower(), eight.GetUpper());
        Vector128<float> two = Vector128.Max(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return MathF.Max(two.GetElement(0), two.GetElement(1));
    }

    /// <summary>Inner product of two rows: lane i sums elements i, i + 16, ... in order, four vectors apart, then a tree.</summary>
    public static float Dot(float* a, float* b, int count)
    {
        Vector512<float> s0 = default, s1 = default, s2 = default, s3 = default;
        int i = 0;
        for (; i + (4 * Lanes) <= count; i += 4 * Lanes)
        {
            s0 = Vector512.FusedMultiplyAdd(Vector512.Load(a + i), Vector512.Load(b + i), s0);
            s1 = Vector512.FusedMultiplyAdd(Vector512.Load(a + i + 16), Vector512.Load(b + i + 16), s1);
            s2 = Vector512.FusedMultiplyAdd(Vector512.Load(a + i + 32), Vector512.Load(b + i + 32), s2);
            s3 = Vector512.FusedMultiplyAdd(Vector512.Load(a + i + 48), Vector512.Load(b + i + 48), s3);
        }

        for (; i < count; i += Lanes)
        {
            s0 = Vector512.FusedMultiplyAdd(Load(a + i, count - i), Load(b + i, count - i), s0);
        }

        return Sum((s0 + s1) + (s2 + s3));
    }

    /// <summary>
    /// e^x, within 1.5 units in the last place of float32, denormals and infinity included; NaN stays NaN. Reduction x = n ln 2 + r with
    /// ln 2 in two parts (Cody and Waite 1980), the Taylor polynomial of degree 7 on |r| at most ln(2)/2, then 2^n in two factors,
    /// since 2^n itself may not be representable.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Exp(Vector512<float> x)
    {
        Vector512<float> lowest = Vector512.Create(-104f);
        Vector512<float> highest = Vector512.Create(89f);

        // Comparisons rather than min and max: a NaN must pass through.
        x = Vector512.ConditionalSelect(Vector512.LessThan(x, lowest), lowest, x);
        x = Vector512.ConditionalSelect(Vector512.GreaterThan(x, highest), highest, x);

        // Adding 1.5 * 2^23 rounds to the nearest integer, which then stands in the low bits.
        Vector512<float> magic = Vector512.Create(12582912f);
        Vector512<float> shifted = Vector512.FusedMultiplyAdd(x, Vector512.Create(1.44269504f), magic);
        Vector512<float> n = shifted - magic;
        Vector512<float> r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693359375f), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f), r);

        Vector512<float> p = Vector512.Create(1f / 5040);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1f / 720));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1f / 120));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1f / 24));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1f / 6));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.5f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);

        Vector512<int> exponent = shifted.AsInt32() - magic.AsInt32();
        Vector512<int> half = Vector512.ShiftRightArithmetic(exponent, 1);
        return p * PowerOfTwo(half) * PowerOfTwo(exponent - half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> PowerOfTwo(Vector512<int> exponent) => Vector512.ShiftLeft(exponent + Vector512.Create(127), 23).AsSingle();

    private static Vector512<float> LoadPartial(float* source, int count)
    {
        Vector512<float> value = default;
        Unsafe.CopyBlockUnaligned(&value, source, (uint)count * sizeof(float));
        return value;
    }

    private static void StorePartial(Vector512<float> value, float* destination, int count) =>
        Unsafe.CopyBlockUnaligned(destination, &value, (uint)count * sizeof(float));
}
