using System.Text.Json;
using Rm.Formats.Files;

namespace Rm.Formats.Rows;

/// <summary>Rows of a .jsonl file: one JSON object a line; blank lines are skipped.</summary>
internal sealed class JsonLinesSource(string path) : IRowSource
{
    public IReadOnlyList<string> Files { get; } = [path];

    public IEnumerable<DataRow> Read()
    {
        using var reader = new Utf8LineReader(InputFile.Open(path), path);
        while (reader.TryRead(out ReadOnlyMemory<byte> line))
        {
            if (line.Span.IndexOfAnyExcept(" \t\r\n"u8) >= 0)
            {
                yield return DataRow.FromJson(path, reader.LineNumber, Parse(line.Span, reader.LineNumber), line.Length);
            }
        }
    }

    // NaN and Infinity, where the parser stopped.
    private static string? NonFiniteNumber(ReadOnlySpan<byte> line, JsonException e)
    {
        ReadOnlySpan<byte> rest = e.BytePositionInLine is { } at && at <= line.Length ? line[(int)at..] : default;
        return rest.StartsWith("NaN"u8) ? "NaN" : rest.StartsWith("Infinity"u8) || rest.StartsWith("-Infinity"u8) ? "Infinity" : null;
    }

    private JsonElement Parse(ReadOnlySpan<byte> line, long lineNumber)
    {
        try
        {
            return JsonElement.Parse(line);
        }
        catch (JsonException e) when (NonFiniteNumber(line, e) is { } word)
        {
            throw new UserInputException(
                $"{path}, line {lineNumber}: holds {word}, which JSON does not have, though Python writes it. "
                + "Write null or leave the field out.", e);
        }
        catch (JsonException e)
        {
            throw new UserInputException(
                $"{path}, line {lineNumber}: not valid JSON at byte {e.BytePositionInLine}. "
                + "A .jsonl file holds one JSON object a line.", e);
        }
    }
}
