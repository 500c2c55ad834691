using System.Text.Json;

namespace Rm.Formats.Json;

/// <summary>
/// Small JSON files that other programs wrote (config.json, adapter_config.json, ...), read so that every fault is a
/// <see cref="UserInputException"/> that names the file.
/// </summary>
internal static class JsonInput
{
    /// <summary>Larger than any configuration file; a bound on the memory that a wrong path can cost.</summary>
    public const int MaxConfigBytes = 16 << 20;

    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>The whole of a small file.</summary>
    public static byte[] ReadFile(string path, long maxBytes = MaxConfigBytes)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);
            if (stream.Length > maxBytes)
            {
                throw new UserInputException($"{path}: {stream.Length} bytes is too large for this kind of file (at most {maxBytes}).");
            }

            byte[] bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw Unreadable(path, e);
        }
    }

    /// <summary>
    /// The document's root, which must be an object. Every name and string in it is known to decode, so that later reads
    /// cannot fail on text.
    /// </summary>
    public static JsonElement ParseObject(ReadOnlyMemory<byte> utf8, string fileName)
    {
        if (utf8.Span.StartsWith("\uFEFF"u8))
        {
            utf8 = utf8[3..];
        }

        JsonElement root;
        try
        {
            using var document = JsonDocument.Parse(utf8, Strict);
            root = document.RootElement.Clone();
            CheckText(root);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new UserInputException($"{fileName}: not valid JSON: {e.Message}", e);
        }

        return root.ValueKind == JsonValueKind.Object
            ? root
            : throw new UserInputException($"{fileName}: expected a JSON object, found {Describe(root)}.");
    }

    /// <summary>The error of a file that cannot be opened.</summary>
    public static UserInputException Unreadable(string path, Exception e)
    {
        string reason = e is FileNotFoundException or DirectoryNotFoundException ? "no such file." : $"cannot be read: {e.Message}";
        return new UserInputException($"{path}: {reason}", e);
    }

    /// <summary>A value as an error message shows it: its JSON text, shortened.</summary>
    public static string Describe(JsonElement value)
    {
        string text = value.GetRawText();
        return text.Length <= 80 ? text : string.Concat(text.AsSpan(0, 77), "...");
    }

    /// <summary>
    /// Reads every name and string: a lone surrogate escape or invalid UTF-8 parses, but throws <see cref="InvalidOperationException"/>
    /// when the text is read.
    /// </summary>
    public static void CheckText(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (JsonProperty property in element.EnumerateObject())
                {
                    _ = property.Name;
                    CheckText(property.Value);
                }

                break;
            case JsonValueKind.Array:
                foreach (JsonElement item in element.EnumerateArray())
                {
                    CheckText(item);
                }

                break;
            case JsonValueKind.String:
                _ = element.GetString();
                break;
        }
    }
}
