using System.Text.Json;
using Rm.Formats.Files;

namespace Rm.Formats.Rows;

/// <summary>
/// Rows of a .json file: a list of objects, an object whose "data" or "rows" is such a list, or (as dataset hubs do) JSON lines
/// under this ending.
/// </summary>
internal sealed class JsonArraySource(string path) : IRowSource
{
    // Enough to see whether the first line is a whole object; rows longer than this under .json must be in a list.
    private const int SniffBytes = 1 << 20;

    public IReadOnlyList<string> Files { get; } = [path];

    public IEnumerable<DataRow> Read() => HoldsLines() ? new JsonLinesSource(path).Read() : ReadElements();

    private IEnumerable<DataRow> ReadElements()
    {
        using var reader = new JsonArrayReader(InputFile.Open(path), path);
        while (reader.TryRead(out JsonElement element, out long line, out int bytes))
        {
            yield return DataRow.FromJson(path, line, element, bytes);
        }
    }

    // True when the first line that is not blank is by itself an object that holds no list of rows.
    private bool HoldsLines()
    {
        byte[] head = new byte[SniffBytes];
        int length = 0;
        using (Stream stream = InputFile.Open(path))
        {
            int read;
            while (length < head.Length && (read = InputFile.Read(stream, head.AsSpan(length), path)) > 0)
            {
                length += read;
            }
        }

        ReadOnlySpan<byte> text = head.AsSpan(0, length);
        text = (text.StartsWith("\uFEFF"u8) ? text[3..] : text).TrimStart(" \t\r\n"u8);
        int newline = text.IndexOf((byte)'\n');
        ReadOnlySpan<byte> first = newline >= 0 ? text[..newline] : text;
        if (first.IsEmpty || first[0] != (byte)'{')
        {
            return false;
        }

        try
        {
            var value = JsonElement.Parse(first);
            return !JsonArrayReader.RowListNames.Any(
                name => value.TryGetProperty(name, out JsonElement list) && list.ValueKind == JsonValueKind.Array);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }
}
