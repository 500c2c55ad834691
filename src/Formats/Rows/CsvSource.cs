using System.Buffers;
using System.Text.Json;
using System.Text.Unicode;
using CsvHelper;
using Rm.Formats.Files;

namespace Rm.Formats.Rows;

/// <summary>
/// Rows of a .csv file (RFC 4180: commas, double quotes, line ends allowed inside quotes). The first record names the columns; every
/// value is a string, kept verbatim.
/// </summary>
internal sealed class CsvSource(string path) : IRowSource
{
    // Strict, because a recovered quoting error would silently move text between a chosen and a rejected answer.
    private static readonly CsvReaderOptions Options = new()
    {
        Separator = ',',
        DetectSeparatorHint = false,
        TrackLineNumbers = true,
        MalformedData = CsvMalformedDataHandling.Throw,
        FieldCountMismatch = CsvFieldCountHandling.Throw,
        MaxRecordSize = InputFile.MaxRowBytes,
    };

    public IReadOnlyList<string> Files { get; } = [path];

    public IEnumerable<DataRow> Read()
    {
        using var reader = CsvReader.Create(InputFile.Open(path), Options);
        string[]? header = null;
        while (Guard(reader, static reader => reader.Read()))
        {
            header ??= CheckHeader(Guard(reader, static reader => reader.Headers.ToArray()));
            if (!Utf8.IsValid(reader.RawRecord))
            {
                throw new UserInputException($"{path}, line {reader.LineNumber}: the bytes are not UTF-8. Save the file as UTF-8.");
            }

            yield return DataRow.FromJson(path, reader.LineNumber, ToJson(header, reader), reader.RawRecord.Length, isText: true);
        }
    }

    private T Guard<T>(CsvReader reader, Func<CsvReader, T> read)
    {
        try
        {
            return read(reader);
        }
        catch (CsvFormatException e)
        {
            long line = e.LineNumber > 0 ? e.LineNumber : 1;
            throw new UserInputException(
                $"{path}, line {line}: not valid CSV ({e.Message}). "
                + "Quote fields that hold commas, quotes or line ends, and double the quotes in them.", e);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
        {
            throw InputFile.ReadError(path, e);
        }
    }

    private string[] CheckHeader(string[] header)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (string name in header)
        {
            if (!seen.Add(name))
            {
                throw new UserInputException($"{path}, line 1: the header names column '{name}' twice.");
            }
        }

        return header;
    }

    private static JsonElement ToJson(string[] header, CsvReader reader)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            for (int i = 0; i < header.Length; i++)
            {
                writer.WriteString(header[i], reader.GetSpan(i));
            }

            writer.WriteEndObject();
        }

        return JsonElement.Parse(buffer.WrittenSpan);
    }
}
