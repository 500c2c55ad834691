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

    private JsonElement Parse(ReadOnlySpan<byte> line, long lineNumber)
    {
        try
        {
            return JsonElement.Parse(line);
        }
        catch (JsonException e)
        {
            throw new UserInputException(
                $"{path}, line {lineNumber}: not valid JSON at byte {e.BytePositionInLine}. "
                + "A .jsonl file holds one JSON object a line.", e);
        }
    }
}
