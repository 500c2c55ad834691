using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Rm.Formats.Tokenization;

/// <summary>
/// A fast 64-bit hash of short byte strings and of id pairs. Seeded for each process, so that a file cannot be built to make every
/// key collide; nothing that btrm writes depends on it.
/// </summary>
internal static class ByteHash
{
    private const ulong Multiplier = 0x9E3779B97F4A7C15;
    private static readonly ulong seed = (ulong)Random.Shared.NextInt64();

    /// <summary>Hash of a byte string; all bits are usable, the upper ones best.</summary>
    public static ulong Of(ReadOnlySpan<byte> bytes)
    {
        ulong hash = seed ^ (ulong)bytes.Length;
        while (bytes.Length >= 8)
        {
            hash = Mix(hash, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[8..];
        }

        if (!bytes.IsEmpty)
        {
            ulong tail = 0;
            bytes.CopyTo(MemoryMarshal.AsBytes(new Span<ulong>(ref tail)));
            hash = Mix(hash, tail);
        }

        return hash;
    }

    /// <summary>Hash of one word.</summary>
    public static ulong Of(ulong value) => Mix(seed, value);

    private static ulong Mix(ulong hash, ulong value)
    {
        ulong high = Math.BigMul(hash ^ value, Multiplier, out ulong low);
        return high ^ low;
    }
}
