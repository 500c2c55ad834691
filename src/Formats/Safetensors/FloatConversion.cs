using System.Numerics;
using System.Runtime.InteropServices;

namespace Rm.Formats.Safetensors;

/// <summary>
/// Conversions between float32 and the 16-bit formats of checkpoints. To 16 bits: round to nearest, ties to even; NaN stays NaN.
/// </summary>
internal static class FloatConversion
{
    // 2^112 moves a binary16 exponent (bias 15), placed in binary32 bits, to binary32's bias 127; subnormals come out right too.
    private const float HalfToSingleScale = 5.192296858534828e33f;

    public static void FromBFloat16(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        Span<uint> bits = MemoryMarshal.Cast<float, uint>(destination);
        int i = 0;
        for (; i <= source.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out Vector<uint> low, out Vector<uint> high);
            (low << 16).CopyTo(bits[i..]);
            (high << 16).CopyTo(bits[(i + Vector<uint>.Count)..]);
        }

        for (; i < source.Length; i++)
        {
            bits[i] = (uint)source[i] << 16;
        }
    }

    public static void FromHalf(ReadOnlySpan<ushort> source, Span<float> destination)
    {
        Span<uint> bits = MemoryMarshal.Cast<float, uint>(destination);
        int i = 0;
        for (; i <= source.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(source[i..]), out Vector<uint> low, out Vector<uint> high);
            HalfToSingle(low).CopyTo(bits[i..]);
            HalfToSingle(high).CopyTo(bits[(i + Vector<uint>.Count)..]);
        }

        for (; i < source.Length; i++)
        {
            destination[i] = (float)BitConverter.UInt16BitsToHalf(source[i]);
        }
    }

    public static void ToBFloat16(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        ReadOnlySpan<uint> bits = MemoryMarshal.Cast<float, uint>(source);
        int i = 0;
        for (; i <= bits.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector<uint> low = SingleToBFloat16(new Vector<uint>(bits[i..]));
            Vector<uint> high = SingleToBFloat16(new Vector<uint>(bits[(i + Vector<uint>.Count)..]));
            Vector.Narrow(low, high).CopyTo(destination[i..]);
        }

        for (; i < bits.Length; i++)
        {
            uint b = bits[i];
            destination[i] = (ushort)((b & 0x7fffffff) > 0x7f800000 ? (b >> 16) | 0x40 : (b + 0x7fff + ((b >> 16) & 1)) >> 16);
        }
    }

    public static void ToHalf(ReadOnlySpan<float> source, Span<ushort> destination)
    {
        for (int i = 0; i < source.Length; i++)
        {
            destination[i] = BitConverter.HalfToUInt16Bits((Half)source[i]);
        }
    }

    private static Vector<uint> HalfToSingle(Vector<uint> half)
    {
        Vector<uint> magnitude = (half & new Vector<uint>(0x7fff)) << 13;
        var scaled = Vector.AsVectorUInt32(Vector.AsVectorSingle(magnitude) * HalfToSingleScale);
        var special = Vector.Equals(half & new Vector<uint>(0x7c00), new Vector<uint>(0x7c00));
        var value = Vector.ConditionalSelect(special, magnitude | new Vector<uint>(0x7f800000), scaled);
        return value | ((half & new Vector<uint>(0x8000)) << 16);
    }

    private static Vector<uint> SingleToBFloat16(Vector<uint> bits)
    {
        Vector<uint> upper = bits >> 16;
        Vector<uint> rounded = (bits + new Vector<uint>(0x7fff) + (upper & Vector<uint>.One)) >> 16;
        // The bit 0x40 keeps a NaN one when its payload lay in the lower half only.
        var nan = Vector.GreaterThan(bits & new Vector<uint>(0x7fffffff), new Vector<uint>(0x7f800000));
        return Vector.ConditionalSelect(nan, upper | new Vector<uint>(0x40), rounded);
    }
}
