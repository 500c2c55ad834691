using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Rm.Kernels.Ops;

namespace Rm.Kernels.Cpu;

/// <summary>
/// The words of <see cref="DropoutMask"/> for 64 columns at a time: sixteen Philox counters side by side, the same numbers.
/// </summary>
internal static unsafe class DropoutWords
{
    /// <summary>Columns whose words one call gives.</summary>
    public const int Columns = 64;

    /// <summary>
    /// Writes the words of columns <paramref name="firstColumn"/> (a multiple of 4) to <paramref name="firstColumn"/> + 63.
    /// </summary>
    public static void Fill(ulong seed, uint stream, uint tokenKey, int firstColumn, uint* words)
    {
        Vector512<uint> c0 = Vector512<uint>.Indices + Vector512.Create((uint)firstColumn >> 2);
        var c1 = Vector512.Create(stream);
        var c2 = Vector512.Create(tokenKey);
        Vector512<uint> c3 = default;
        var multiplier0 = Vector512.Create(0xD2511F53u);
        var multiplier1 = Vector512.Create(0xCD9E8D57u);
        uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
        for (int round = 0; round < 10; round++)
        {
            Multiply(c0, multiplier0, out Vector512<uint> high0, out Vector512<uint> low0);
            Multiply(c2, multiplier1, out Vector512<uint> high1, out Vector512<uint> low1);
            c0 = high1 ^ c1 ^ Vector512.Create(k0);
            c1 = low1;
            c2 = high0 ^ c3 ^ Vector512.Create(k1);
            c3 = low0;
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }

        uint* columns = stackalloc uint[Columns];
        c0.Store(columns);
        c1.Store(columns + 16);
        c2.Store(columns + 32);
        c3.Store(columns + 48);
        for (int block = 0; block < 16; block++)
        {
            words[4 * block] = columns[block];
            words[(4 * block) + 1] = columns[16 + block];
            words[(4 * block) + 2] = columns[32 + block];
            words[(4 * block) + 3] = columns[48 + block];
        }
    }

    /// <summary>Both halves of the 64-bit products of the lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Multiply(Vector512<uint> a, Vector512<uint> b, out Vector512<uint> high, out Vector512<uint> low)
    {
        Vector512<ulong> even = MultiplyEven(a, b);
        Vector512<ulong> odd = MultiplyEven(Vector512.ShiftRightLogical(a.AsUInt64(), 32).AsUInt32(), b);
        var upper = Vector512.Create(0xFFFFFFFF00000000UL);
        high = (Vector512.ShiftRightLogical(even, 32) | (odd & upper)).AsUInt32();
        low = (Vector512.AndNot(even, upper) | Vector512.ShiftLeft(odd, 32)).AsUInt32();
    }

    /// <summary>64-bit products of the even lanes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> MultiplyEven(Vector512<uint> a, Vector512<uint> b)
    {
        if (Avx512F.IsSupported)
        {
            return Avx512F.Multiply(a, b);
        }

        if (Avx2.IsSupported)
        {
            return Vector512.Create(Avx2.Multiply(a.GetLower(), b.GetLower()), Avx2.Multiply(a.GetUpper(), b.GetUpper()));
        }

        var lower = Vector512.Create(0xFFFFFFFFUL);
        return (a.AsUInt64() & lower) * (b.AsUInt64() & lower);
    }
}
