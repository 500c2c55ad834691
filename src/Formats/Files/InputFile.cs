using System.IO.Compression;

namespace Rm.Formats.Files;

/// <summary>Opens and reads the bytes of a data file, and turns every failure into an error that names the file.</summary>
internal static class InputFile
{
    /// <summary>
    /// Longest line, JSON row or CSV record in bytes. A row is held in memory several times over, so this is what bounds memory on
    /// hostile input; a compressed file is only ever decompressed as far as this ahead of its reader.
    /// </summary>
    public const int MaxRowBytes = 64 << 20;

    private static readonly string[] CompressedEndings = [".gz", ".zst"];

    /// <summary>The file's bytes, decompressed on the way when the name ends in .gz or .zst.</summary>
    public static Stream Open(string path)
    {
        FileStream file = OpenFile(path, bufferSize: 1 << 16, FileOptions.SequentialScan);
        if (HasEnding(path, ".zst"))
        {
            return new ZstdStream(file, ZstdDecoder.Create());
        }

        return HasEnding(path, ".gz") ? new GZipStream(file, CompressionMode.Decompress) : file;
    }

    /// <summary>True when the name says that the file is compressed as a whole.</summary>
    public static bool IsCompressed(string path) => CompressedEndings.Any(ending => HasEnding(path, ending));

    /// <summary>The path without the ending that a compressed file has behind its format's.</summary>
    public static string WithoutCompression(string path) =>
        CompressedEndings.FirstOrDefault(ending => HasEnding(path, ending)) is { } ending ? path[..^ending.Length] : path;

    /// <summary>The file's bytes as they are, to be read here and there without a buffer in between.</summary>
    public static Stream OpenSeekable(string path) => OpenFile(path, bufferSize: 0, FileOptions.None);

    private static FileStream OpenFile(string path, int bufferSize, FileOptions options)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize, options);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new UserInputException($"{path}: cannot be opened ({e.Message}). Give the path of a readable data file.", e);
        }
    }

    /// <summary>Reads some bytes; 0 at the end. A damaged gzip stream or a failing disk is a named error.</summary>
    public static int Read(Stream stream, Span<byte> buffer, string path)
    {
        try
        {
            return stream.Read(buffer);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw ReadError(path, e);
        }
    }

    /// <summary>The error for bytes that could not be read or decompressed.</summary>
    public static UserInputException ReadError(string path, Exception cause)
    {
        string what = IsCompressed(path) ? "the compressed data is damaged or cut off" : "reading failed";
        return new UserInputException($"{path}: {what} ({cause.Message}). Fetch or write the file again.", cause);
    }

    private static bool HasEnding(string path, string ending) => path.EndsWith(ending, StringComparison.OrdinalIgnoreCase);
}
