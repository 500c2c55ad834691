using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Rm.Formats.Hub;

/// <summary>
/// Checks a blob against its name while it arrives: the ETag of a large file is its SHA-256, that of any other is git's object id. Servers
/// may have ETags of their own; then only the size is checked.
/// </summary>
internal sealed class BlobHash : IDisposable
{
    private readonly string _expected;
    private readonly long _size;
    private readonly HashAlgorithmName? _algorithm;
    private IncrementalHash? _hash;

    /// <param name="etag">The blob's name.</param>
    /// <param name="file">What the listing says.</param>
    /// <param name="size">Bytes of the whole blob.</param>
    public BlobHash(string etag, HubFile file, long size)
    {
        _expected = etag.ToLowerInvariant();
        _size = size;
        _algorithm = etag.Length == 64 && etag.All(char.IsAsciiHexDigit) ? HashAlgorithmName.SHA256
            : etag.Length == 40 && string.Equals(etag, file.BlobId, StringComparison.OrdinalIgnoreCase) ? HashAlgorithmName.SHA1 : null;
        Restart();
    }

    /// <summary>Bytes seen since the start.</summary>
    public long Length { get; private set; }

    /// <summary>Forgets what was seen.</summary>
    public void Restart()
    {
        Length = 0;
        _hash?.Dispose();
        _hash = _algorithm is { } algorithm ? IncrementalHash.CreateHash(algorithm) : null;
        if (_algorithm == HashAlgorithmName.SHA1)
        {
            _hash!.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {_size}\0")));
        }
    }

    /// <summary>Takes in the next bytes.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        Length += bytes.Length;
        _hash?.AppendData(bytes);
    }

    /// <summary>True when the bytes seen are those that the name stands for. To be asked once.</summary>
    public bool IsRight() => _hash is null || Convert.ToHexStringLower(_hash.GetHashAndReset()) == _expected;

    public void Dispose() => _hash?.Dispose();
}
