using System.Text.Json;

namespace Rm.Formats.Hub;

/// <summary>
/// Listings as JSON: the hub's answers, and the file in which the cache keeps them. The latter has the layout of the Python client's
/// <c>trees/COMMIT.json</c> (format_version 1) and, beside "files", the configurations of a dataset's card.
/// </summary>
internal static class ListingJson
{
    private const int FormatVersion = 1;
    private const int MaxPatterns = 2000;

    /// <summary>
    /// Parses an answer and reads it with <paramref name="read"/>. Whatever is not as expected throws <see cref="UserInputException"/> that
    /// names
    /// <paramref name="where"/>.
    /// </summary>
    public static T Parse<T>(ReadOnlyMemory<byte> utf8, string where, Func<JsonElement, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(utf8);
            return read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new UserInputException($"{where}: the answer is not what a hub sends ({e.Message}). Check HF_ENDPOINT.", e);
        }
    }

    /// <summary>Commit, file names and configurations of <c>/api/models/ID/revision/REV</c>.</summary>
    public static (string Commit, IReadOnlyList<HubFile> Siblings, IReadOnlyList<DatasetConfig> Configs) ReadInfo(JsonElement root)
    {
        var siblings = new List<HubFile>();
        if (root.TryGetProperty("siblings", out JsonElement list) && list.ValueKind == JsonValueKind.Array)
        {
            siblings.AddRange(list.EnumerateArray().Select(item => new HubFile(item.GetProperty("rfilename").GetString()!)));
        }

        IReadOnlyList<DatasetConfig> configs = root.TryGetProperty("cardData", out JsonElement card)
            && card.ValueKind == JsonValueKind.Object
            && card.TryGetProperty("configs", out JsonElement declared) ? ReadConfigs(declared) : [];
        return (root.GetProperty("sha").GetString() ?? "", siblings, configs);
    }

    /// <summary>Files of <c>/api/models/ID/tree/COMMIT</c>.</summary>
    public static IReadOnlyList<HubFile> ReadTree(JsonElement root) =>
        [.. root.EnumerateArray().Where(entry => entry.GetProperty("type").GetString() == "file").Select(entry =>
        {
            JsonElement? large = entry.TryGetProperty("lfs", out JsonElement lfs) && lfs.ValueKind == JsonValueKind.Object ? lfs : null;
            return new HubFile(
                entry.GetProperty("path").GetString()!, Size(large, "size") ?? Size(entry, "size"), Text(entry, "oid"),
                Hash(Text(large, "oid")));
        })];

    /// <summary>A kept listing, or null when the file is of another version.</summary>
    public static (IReadOnlyList<HubFile> Files, IReadOnlyList<DatasetConfig> Configs)? ReadKept(JsonElement root) =>
        Size(root, "format_version") != FormatVersion ? null : (
            [.. root.GetProperty("files").EnumerateObject().Select(entry => new HubFile(
                entry.Name, Size(entry.Value, "lfs_size") ?? Size(entry.Value, "size"), Text(entry.Value, "blob_id"),
                Hash(Text(entry.Value, "lfs_sha256"))))],
            root.TryGetProperty("configs", out JsonElement configs) ? ReadConfigs(configs) : []);

    /// <summary>The file that <see cref="ReadKept"/> reads.</summary>
    public static byte[] WriteKept(HubListing listing)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteNumber("format_version", FormatVersion);
            writer.WriteStartObject("files");
            foreach (HubFile file in listing.Files)
            {
                writer.WriteStartObject(file.Path);
                WriteOptional(writer, "size", file.Size);
                WriteOptional(writer, "blob_id", file.BlobId);
                if (file.Sha256 is not null)
                {
                    writer.WriteString("lfs_sha256", file.Sha256);
                    WriteOptional(writer, "lfs_size", file.Size);
                }

                writer.WriteEndObject();
            }

            writer.WriteEndObject();
            WriteConfigs(writer, listing.Configs);
            writer.WriteEndObject();
        }

        return buffer.ToArray();
    }

    // data_files is a path, a list of paths, or a list of objects with split and path; path again is one or a list.
    private static List<DatasetConfig> ReadConfigs(JsonElement list)
    {
        var configs = new List<DatasetConfig>();
        int patterns = 0;
        foreach (JsonElement item in list.ValueKind == JsonValueKind.Array ? list.EnumerateArray() : default)
        {
            if (item.ValueKind != JsonValueKind.Object || Text(item, "config_name") is not { Length: > 0 } name)
            {
                continue;
            }

            var files = new List<DatasetConfigFiles>();
            JsonElement data = item.TryGetProperty("data_files", out JsonElement given) ? given : default;
            if (data.ValueKind == JsonValueKind.Array && data.EnumerateArray().Any(entry => entry.ValueKind == JsonValueKind.Object))
            {
                files.AddRange(data.EnumerateArray().Where(entry => entry.ValueKind == JsonValueKind.Object)
                    .Select(entry => new DatasetConfigFiles(
                        Text(entry, "split"), Texts(entry.TryGetProperty("path", out JsonElement path) ? path : default))));
            }
            else if (Texts(data) is { Count: > 0 } paths)
            {
                files.Add(new DatasetConfigFiles(null, paths));
            }

            patterns += 1 + files.Sum(group => group.Patterns.Count);
            if (patterns > MaxPatterns)
            {
                throw new FormatException("the dataset's card declares too many files");
            }

            bool isDefault = item.TryGetProperty("default", out JsonElement flag) && flag.ValueKind == JsonValueKind.True;
            configs.Add(new DatasetConfig(name, isDefault, Text(item, "data_dir"), files));
        }

        return configs;
    }

    private static void WriteConfigs(Utf8JsonWriter writer, IReadOnlyList<DatasetConfig> configs)
    {
        writer.WriteStartArray("configs");
        foreach (DatasetConfig config in configs)
        {
            writer.WriteStartObject();
            writer.WriteString("config_name", config.Name);
            writer.WriteBoolean("default", config.IsDefault);
            WriteOptional(writer, "data_dir", config.Folder);
            writer.WriteStartArray("data_files");
            foreach (DatasetConfigFiles files in config.Files)
            {
                writer.WriteStartObject();
                WriteOptional(writer, "split", files.Split);
                writer.WriteStartArray("path");
                foreach (string pattern in files.Patterns)
                {
                    writer.WriteStringValue(pattern);
                }

                writer.WriteEndArray();
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static List<string> Texts(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => [value.GetString()!],
        JsonValueKind.Array =>
            [.. value.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String).Select(item => item.GetString()!)],
        _ => [],
    };

    private static string? Text(JsonElement? owner, string name) =>
        owner is { ValueKind: JsonValueKind.Object } o && o.TryGetProperty(name, out JsonElement value)
            && value.ValueKind == JsonValueKind.String
            ? value.GetString() : null;

    private static long? Size(JsonElement? owner, string name) =>
        owner is { ValueKind: JsonValueKind.Object } o && o.TryGetProperty(name, out JsonElement value)
            && value.ValueKind == JsonValueKind.Number
            && value.TryGetInt64(out long size) && size >= 0 ? size : null;

    private static string? Hash(string? text) => text is { Length: 64 } && text.All(char.IsAsciiHexDigit) ? text.ToLowerInvariant() : null;

    private static void WriteOptional(Utf8JsonWriter writer, string name, string? value)
    {
        if (value is not null)
        {
            writer.WriteString(name, value);
        }
    }

    private static void WriteOptional(Utf8JsonWriter writer, string name, long? value)
    {
        if (value is { } number)
        {
            writer.WriteNumber(name, number);
        }
    }
}
