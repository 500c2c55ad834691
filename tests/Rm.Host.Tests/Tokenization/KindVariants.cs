using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Tokenization;

/// <summary>The tokenizers of tests/golden/tokenizer/kinds: a base file, changed; make_tokenizer_kinds_golden.py writes them.</summary>
internal static class KindVariants
{
    private static readonly string[] texts = JsonSerializer.Deserialize<string[]>(File.ReadAllText(Path.Combine(Folder, "texts.json")))!;

    private static readonly Lazy<Dictionary<string, JsonObject>> all = new(() =>
    {
        using var file = new GZipStream(File.OpenRead(Path.Combine(Folder, "variants.jsonl.gz")), CompressionMode.Decompress);
        using var reader = new StreamReader(file);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => JsonNode.Parse(line)!.AsObject()).ToDictionary(variant => variant["name"]!.GetValue<string>());
    });

    public static string Folder => Path.Combine(TestPaths.Golden, "tokenizer", "kinds");

    public static IEnumerable<string> Names => all.Value.Keys;

    /// <summary>Loads a variant.</summary>
    public static Tokenizer Load(string name)
    {
        using var folder = new TokenizerFolder();
        return folder.Write("tokenizer.json", Json(name).ToJsonString()).Load();
    }

    /// <summary>A variant's tokenizer.json.</summary>
    public static JsonObject Json(string name)
    {
        JsonObject variant = all.Value[name];
        string baseName = variant["base"]!.GetValue<string>();
        JsonObject json = baseName == "quickstart"
            ? TokenizerFolder.Quickstart()
            : JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, $"{baseName}.json")))!.AsObject();
        foreach ((string path, JsonNode? value) in variant["patch"]!.AsObject())
        {
            Apply(path, value, json);
        }

        return json;
    }

    /// <summary>Texts with their ids (null where the library refuses the text), the ids with special tokens, and the ids decoded.</summary>
    public static IEnumerable<(string Text, int[]? Ids, int[]? Special, string? Decoded)> Rows(string name)
    {
        JsonObject variant = all.Value[name];
        JsonArray ids = variant["ids"]!.AsArray(), special = variant["special"]!.AsArray(), decoded = variant["decoded"]!.AsArray();
        return variant["texts"]!.AsArray().Select((text, i) => (
            text!.GetValueKind() == JsonValueKind.Number ? texts[text.GetValue<int>()] : text.GetValue<string>(),
            ids[i]?.Deserialize<int[]>(),
            special[i]?.Deserialize<int[]>(),
            decoded[i]?.GetValue<string>()));
    }

    private static void Apply(string path, JsonNode? value, JsonObject json)
    {
        JsonObject model = json["model"]!.AsObject();
        switch (path)
        {
            case "drop_tokens":
                foreach (JsonNode? token in value!.AsArray())
                {
                    model["vocab"]!.AsObject().Remove(token!.GetValue<string>());
                }

                break;
            case "byte_tokens":
                for (int b = 0; b < 256; b++)
                {
                    model["vocab"]!.AsArray().Add((JsonNode)new JsonArray($"<0x{b:X2}>", 0.0));
                }

                break;
            case "merge_strings":
                model["merges"] = new JsonArray([.. model["merges"]!.AsArray().Select(pair => JsonValue.Create($"{pair![0]} {pair[1]}"))]);
                break;
            case "normalizer.more" or "normalizer.before":
                JsonNode[] more = [.. value!.AsArray().Select(step => step!.DeepClone())];
                JsonNode own = json["normalizer"]!.DeepClone();
                JsonNode[] steps = path == "normalizer.more" ? [own, .. more] : [.. more, own];
                json["normalizer"] = new JsonObject { ["type"] = "Sequence", ["normalizers"] = new JsonArray(steps) };
                break;
            default:
                (path.StartsWith("model.", StringComparison.Ordinal) ? model : json)[path.Replace("model.", "", StringComparison.Ordinal)] =
                    value?.DeepClone();
                break;
        }
    }
}
