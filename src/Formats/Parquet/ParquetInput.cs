using Rm.Formats.Files;

namespace Rm.Formats.Parquet;

/// <summary>Random access to a file's bytes; every failure names the file.</summary>
internal sealed class ParquetInput(Stream stream, string path) : IDisposable
{
    /// <summary>Size of the file in bytes.</summary>
    public long Length { get; } = stream.Length;

    /// <summary>Fills <paramref name="destination"/> from a file offset; the caller asks for nothing beyond the end.</summary>
    public void ReadAt(long offset, Span<byte> destination)
    {
        try
        {
            stream.Position = offset;
            stream.ReadExactly(destination);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw InputFile.ReadError(path, e);
        }
    }

    public void Dispose() => stream.Dispose();
}
