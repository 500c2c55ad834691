using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Files;
using Rm.Formats.Json;

namespace Rm.Host.Reporting.Html;

/// <summary>Reads a log of JSON objects, one a line, that a run may be writing at the same time.</summary>
internal static class RunLog
{
    /// <summary>
    /// The objects in order, each valid until the next; none when there is no file. A last line that is not whole yet is left out. Throws
    /// <see cref="UserInputException"/> naming file and line when a line before it is no JSON object.
    /// </summary>
    public static IEnumerable<JsonElement> Read(string path)
    {
        if (!File.Exists(path))
        {
            yield break;
        }

        using var lines = new Utf8LineReader(Open(path), path);
        long bad = 0;
        while (lines.TryRead(out ReadOnlyMemory<byte> line))
        {
            if (bad > 0)
            {
                throw new UserInputException($"{path}, line {bad}: not a JSON object; this is not a log of btrm, or it was edited.");
            }

            using JsonDocument? document = Parse(line);
            if (document is null)
            {
                bad = lines.LineNumber;
                continue;
            }

            yield return document.RootElement;
        }
    }

    // Readers must not lock the file: the run that writes it would fail to open it again.
    private static FileStream Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw JsonInput.Unreadable(path, e);
        }
    }

    private static JsonDocument? Parse(ReadOnlyMemory<byte> line)
    {
        JsonDocument? document = null;
        try
        {
            document = JsonDocument.Parse(line);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                JsonInput.CheckText(document.RootElement);
                return document;
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Not JSON, or text that no reader could decode: both are a line that btrm did not write.
        }

        document?.Dispose();
        return null;
    }
}
