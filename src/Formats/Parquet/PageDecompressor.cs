using System.Buffers;
using System.IO.Compression;
using Rm.Formats.Files;

namespace Rm.Formats.Parquet;

/// <summary>
/// Decompresses the pages of one column chunk into a buffer of its own. The buffer grows with what really comes out, not with what a header
/// claims. The result stays valid until the next page.
/// </summary>
internal sealed class PageDecompressor(CompressionCodec codec, ParquetPlace place) : IDisposable
{
    // Beyond this the claim of a header has to be proved by output.
    private const int FirstBytes = 1 << 16;

    private byte[] _buffer = [];
    private ZstdDecoder? _zstd;

    /// <summary>
    /// The <paramref name="length"/> bytes that <paramref name="compressed"/> stands for. Throws <see cref="UserInputException"/> when it
    /// is damaged, or the codec is not read.
    /// </summary>
    public ArraySegment<byte> Decompress(ArraySegment<byte> compressed, int length)
    {
        switch (codec)
        {
            case CompressionCodec.Uncompressed:
                return compressed.Count == length ? compressed : throw Damaged();
            case CompressionCodec.Snappy:
                Snappy(compressed, length);
                break;
            case CompressionCodec.Gzip:
                Gzip(compressed, length);
                break;
            case CompressionCodec.Brotli:
                Brotli(compressed, length);
                break;
            case CompressionCodec.Zstd:
                Zstd(compressed, length);
                break;
            default:
                throw place.Unsupported(
                    $"Compression {NameOf(codec)} is not read.", "Write the file with snappy, gzip, zstd, brotli or no compression.");
        }

        return new ArraySegment<byte>(_buffer, 0, length);
    }

    public void Dispose() => _zstd?.Dispose();

    private static string NameOf(CompressionCodec codec) => codec switch
    {
        CompressionCodec.Lzo => "LZO",
        CompressionCodec.Lz4 => "LZ4",
        CompressionCodec.Lz4Raw => "LZ4_RAW",
        _ => $"{(int)codec}",
    };

    private void Snappy(ArraySegment<byte> compressed, int length)
    {
        if (length > SnappyDecoder.MaxLength(compressed.Count))
        {
            throw Damaged();
        }

        if (_buffer.Length < length)
        {
            _buffer = new byte[length];
        }

        if (!SnappyDecoder.TryDecode(compressed, _buffer.AsSpan(0, length)))
        {
            throw Damaged();
        }
    }

    private void Gzip(ArraySegment<byte> compressed, int length)
    {
        try
        {
            // Some writers split a page into several gzip members, which the stream reads as one.
            using var stream = new GZipStream(
                new MemoryStream(compressed.Array!, compressed.Offset, compressed.Count, writable: false), CompressionMode.Decompress);
            int written = 0;
            int read;
            while (Room(written, length) is { IsEmpty: false } room && (read = stream.Read(room)) > 0)
            {
                written += read;
            }

            if (written != length || stream.ReadByte() >= 0)
            {
                throw Damaged();
            }
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            throw Damaged(e);
        }
    }

    private void Brotli(ReadOnlySpan<byte> compressed, int length)
    {
        var decoder = new BrotliDecoder();
        try
        {
            int written = 0;
            OperationStatus status;
            do
            {
                Span<byte> room = Room(written, length);
                status = decoder.Decompress(compressed, room, out int used, out int produced);
                compressed = compressed[used..];
                written += produced;
                // Nothing gained means that it wants more than there is, on either side.
                if (status != OperationStatus.Done && (status != OperationStatus.DestinationTooSmall || (used == 0 && produced == 0)))
                {
                    throw Damaged();
                }
            }
            while (status != OperationStatus.Done);
            if (written != length || !compressed.IsEmpty)
            {
                throw Damaged();
            }
        }
        finally
        {
            decoder.Dispose();
        }
    }

    private void Zstd(ReadOnlySpan<byte> compressed, int length)
    {
        _zstd ??= ZstdDecoder.Create();
        _zstd.Reset();
        int written = 0;
        bool ended = length == 0 && compressed.IsEmpty;
        while (!ended || !compressed.IsEmpty)
        {
            int before = compressed.Length;
            int produced = _zstd.Decode(ref compressed, Room(written, length), out ended);
            if (produced < 0 || (produced == 0 && compressed.Length == before))
            {
                throw Damaged();
            }

            written += produced;
        }

        if (written != length)
        {
            throw Damaged();
        }
    }

    // The free part of the buffer up to the page's length; grown by doubling when it is full.
    private Span<byte> Room(int written, int length)
    {
        if (written == _buffer.Length && written < length)
        {
            Array.Resize(ref _buffer, Math.Min(length, Math.Max(FirstBytes, 2 * written)));
        }

        return _buffer.AsSpan(written, Math.Min(_buffer.Length, length) - written);
    }

    private UserInputException Damaged(Exception? inner = null) =>
        place.Damaged("The compressed bytes are damaged or do not have the length that the page claims.", inner);
}
