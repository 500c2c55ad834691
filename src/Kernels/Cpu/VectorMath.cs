using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

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
    /// <remarks>
    /// No call on any vector path: a vector that a call returns goes through the stack, and so would the whole loop's.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* source, int count)
    {
        if (count >= Lanes)
        {
            return Vector512.Load(source);
        }

        if (Avx512F.IsSupported)
        {
            return Avx512F.MaskLoad(source, First(count), Vector512<float>.Zero);
        }

        if (Avx.IsSupported)
        {
            return Vector512.Create(Avx.MaskLoad(source, FirstOfHalf(count)), Avx.MaskLoad(source + 8, FirstOfHalf(count - 8)));
        }

        return LoadPartial(source, count);
    }

    /// <summary>Stores the first <paramref name="count"/> lanes, or 16 if there are more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, float* destination, int count)
    {
        if (count >= Lanes)
        {
            value.Store(destination);
        }
        else if (Avx512F.IsSupported)
        {
            Avx512F.MaskStore(destination, First(count), value);
        }
        else if (Avx.IsSupported)
        {
            Avx.MaskStore(destination, FirstOfHalf(count), value.GetLower());
            Avx.MaskStore(destination + 8, FirstOfHalf(count - 8), value.GetUpper());
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

    /// <summary>Largest lane. A NaN may or may not come through: what processors do with one in a maximum differs.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector512<float> value)
    {
        var eight = Vector256.MaxNative(value.GetLower(), value.GetUpper());
        var four = Vector128.MaxNative(eight.GetLower(), eight.GetUpper());
        var two = Vector128.MaxNative(four, Vector128.Shuffle(four, Vector128.Create(2, 3, 0, 1)));
        return Vector128.MaxNative(two, Vector128.Shuffle(two, Vector128.Create(1, 0, 3, 2))).ToScalar();
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
        var lowest = Vector512.Create(-104f);
        var highest = Vector512.Create(89f);

        // Comparisons rather than min and max: a NaN must pass through.
        x = Vector512.ConditionalSelect(Vector512.LessThan(x, lowest), lowest, x);
        x = Vector512.ConditionalSelect(Vector512.GreaterThan(x, highest), highest, x);

        // Adding 1.5 * 2^23 rounds to the nearest integer, which then stands in the low bits.
        var magic = Vector512.Create(12582912f);
        var shifted = Vector512.FusedMultiplyAdd(x, Vector512.Create(1.44269504f), magic);
        Vector512<float> n = shifted - magic;
        var r = Vector512.FusedMultiplyAdd(n, Vector512.Create(-0.693359375f), x);
        r = Vector512.FusedMultiplyAdd(n, Vector512.Create(2.12194440e-4f), r);

        var p = Vector512.Create(1f / 5040);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1f / 720));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1f / 120));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1f / 24));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(1f / 6));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512.Create(0.5f));
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);
        p = Vector512.FusedMultiplyAdd(p, r, Vector512<float>.One);

        Vector512<int> exponent = shifted.AsInt32() - magic.AsInt32();
        var half = Vector512.ShiftRightArithmetic(exponent, 1);
        return p * PowerOfTwo(half) * PowerOfTwo(exponent - half);
    }

    /// <summary>
    /// tanh x within 3 units in the last place: the odd polynomial of Cephes' tanhf (Moshier 1992) up to 0.625, 1 - 2 / (e^2x + 1) beyond.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Tanh(Vector512<float> x)
    {
        Vector512<float> z = x * x;
        var p = Vector512.Create(-5.70498872745e-3f);
        p = Vector512.FusedMultiplyAdd(p, z, Vector512.Create(2.06390887954e-2f));
        p = Vector512.FusedMultiplyAdd(p, z, Vector512.Create(-5.37397155531e-2f));
        p = Vector512.FusedMultiplyAdd(p, z, Vector512.Create(1.33314422036e-1f));
        p = Vector512.FusedMultiplyAdd(p, z, Vector512.Create(-3.33332819422e-1f));
        var small = Vector512.FusedMultiplyAdd(p * z, x, x);
        Vector512<float> large = Vector512<float>.One - (Vector512.Create(2f) / (Exp(x + x) + Vector512<float>.One));
        return Vector512.ConditionalSelect(Vector512.LessThan(Vector512.Abs(x), Vector512.Create(0.625f)), small, large);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> PowerOfTwo(Vector512<int> exponent) =>
        Vector512.ShiftLeft(exponent + Vector512.Create(127), 23).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> First(int count) => Vector512.LessThan(Vector512<int>.Indices, Vector512.Create(count)).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> FirstOfHalf(int count) =>
        Vector256.LessThan(Vector256<int>.Indices, Vector256.Create(count)).AsSingle();

    private static Vector512<float> LoadPartial(float* source, int count)
    {
        Vector512<float> value = default;
        Unsafe.CopyBlockUnaligned(&value, source, (uint)count * sizeof(float));
        return value;
    }

    private static void StorePartial(Vector512<float> value, float* destination, int count) =>
        Unsafe.CopyBlockUnaligned(destination, &value, (uint)count * sizeof(float));
}
