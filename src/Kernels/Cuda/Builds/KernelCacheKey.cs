using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Rm.Kernels.Cuda.Builds;

/// <summary>Everything that a compiled kernel image depends on, as a SHA-256.</summary>
internal readonly struct KernelCacheKey
{
    /// <summary>Bytes of a key.</summary>
    public const int Size = SHA256.HashSizeInBytes;

    private readonly byte[] _hash;

    /// <summary>The key of <paramref name="parts"/>; their order and borders count.</summary>
    public KernelCacheKey(params IEnumerable<string> parts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> length = stackalloc byte[4];
        foreach (string part in parts)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(part);
            BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
            hash.AppendData(length);
            hash.AppendData(bytes);
        }

        _hash = hash.GetHashAndReset();
    }

    private KernelCacheKey(byte[] hash) => _hash = hash;

    /// <summary>The hash.</summary>
    public ReadOnlySpan<byte> Bytes => _hash;

    /// <summary>The key with this hash of <see cref="Size"/> bytes.</summary>
    public static KernelCacheKey FromBytes(byte[] hash) => new(hash);

    /// <summary>The key of what <paramref name="unit"/> is made from and how, whoever compiles it for whatever architecture.</summary>
    public static KernelCacheKey OfSources(KernelSources sources, string unit) => new(
        [
            .. KernelCompiler.CommonOptions,
            unit,
            sources.Units[unit],
            .. sources.Headers.OrderBy(static header => header.Key, StringComparer.Ordinal)
                .SelectMany(static header => new[] { header.Key, header.Value }),
        ]);

    /// <summary>The key of <paramref name="unit"/> compiled by <paramref name="compiler"/> for <paramref name="architecture"/>.</summary>
    public static KernelCacheKey For(KernelCompiler compiler, KernelSources sources, string unit, CudaArchitecture architecture) => new(
        [$"nvrtc {compiler.Version}", .. compiler.OptionsFor(architecture), OfSources(sources, unit).ToString()]);

    /// <summary>64 lower-case hexadecimal digits.</summary>
    public override string ToString() => Convert.ToHexStringLower(_hash);
}
