using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Rm.Kernels.Cuda;

/// <summary>Conversion between float32 and bfloat16 bits.</summary>
internal static class BFloat16s
{
    /// <summary>Rounds to nearest, ties to even; a NaN stays a (quiet) NaN.</summary>
    /// <param name="source">Values.</param>
    /// <param name="destination">Bits; at least as long as <paramref name="source"/>.</param>
    public static void Round(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        _ = destination[..source.Length];
        ref float from = ref MemoryMarshal.GetReference(source);
        ref ushort to = ref MemoryMarshal.GetReference(destination);
        int i = 0;
        for (; i <= source.Length - 16; i += 16)
        {
            Vector256.Narrow(Round(Vector256.LoadUnsafe(ref from, (nuint)i)), Round(Vector256.LoadUnsafe(ref from, (nuint)i + 8)))
                .StoreUnsafe(ref to, (nuint)i);
        }

        for (; i < source.Length; i++)
        {
            Unsafe.Add(ref to, i) = (ushort)Round(Vector256.Create(Unsafe.Add(ref from, i))).ToScalar();
        }
    }

    // Adding 0x7FFF and the last kept bit carries into the kept half exactly when the rest is above half, or half with an odd result.
    private static Vector256<uint> Round(Vector256<float> values)
    {
        Vector256<uint> bits = values.AsUInt32();
        Vector256<uint> rounded = (bits + Vector256.Create(0x7FFFu) + ((bits >>> 16) & Vector256<uint>.One)) >>> 16;
        Vector256<uint> quiet = (bits >>> 16) | Vector256.Create(0x40u);
        return Vector256.ConditionalSelect(Vector256.Equals(values, values).AsUInt32(), rounded, quiet);
    }
}
