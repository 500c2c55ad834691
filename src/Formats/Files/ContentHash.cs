using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace Rm.Formats.Files;

/// <summary>128-bit content hashes (the head of a SHA-256) of prompts and pairs: the same on every machine, in every run.</summary>
internal static class ContentHash
{
    /// <summary>Hash of a list of texts; each is preceded by its length, so that moving a border changes the hash.</summary>
    public static UInt128 OfTexts(IEnumerable<string> texts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (string text in texts)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(text);
            AppendLength(hash, bytes.Length);
            hash.AppendData(bytes);
        }

        return Head(hash.GetHashAndReset());
    }

    /// <summary>Hash of token sequences in their order.</summary>
    public static UInt128 OfIds(params ReadOnlySpan<int[]> sequences)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (int[] ids in sequences)
        {
            AppendIds(hash, ids);
        }

        return Head(hash.GetHashAndReset());
    }

    /// <summary>Feeds a token sequence, its length first, into a running hash.</summary>
    public static void AppendIds(IncrementalHash hash, ReadOnlySpan<int> ids)
    {
        AppendLength(hash, ids.Length);
        // Token ids are hashed as little-endian bytes; every supported machine stores them so.
        hash.AppendData(MemoryMarshal.AsBytes(ids));
    }

    private static void AppendLength(IncrementalHash hash, int length)
    {
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, length);
        hash.AppendData(bytes);
    }

    private static UInt128 Head(ReadOnlySpan<byte> sha256) => BinaryPrimitives.ReadUInt128BigEndian(sha256);
}
