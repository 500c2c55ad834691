using System.Text.Json;

namespace Rm.Formats.Tokenization;

/// <summary>
/// The special tokens that a folder names: <c>bos_token</c> and its kin, model-specific ones such as <c>think_token</c>, and those without
/// a name. transformers reads special_tokens_map.json only where tokenizer_config.json has no <c>added_tokens_decoder</c>, and there it
/// wins.
/// </summary>
/// <param name="Named">Tokens by name, in the order of <see cref="StandardNames"/>, then the others.</param>
/// <param name="Unnamed">Further special tokens.</param>
internal sealed record SpecialTokens(IReadOnlyList<(string Name, AddedToken Token)> Named, IReadOnlyList<AddedToken> Unnamed)
{
    /// <summary>The names that every tokenizer has.</summary>
    public static readonly string[] StandardNames =
        ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"];

    // transformers 4 wrote the older name, 5 writes the newer.
    private const string OldListName = "additional_special_tokens", NewListName = "extra_special_tokens";

    /// <summary>Reads them from tokenizer_config.json and, if it is to be read, special_tokens_map.json.</summary>
    public static SpecialTokens Read(JsonElement? config, JsonElement? map)
    {
        var named = new Dictionary<string, AddedToken>(StringComparer.Ordinal);
        var unnamed = new List<AddedToken>();
        foreach (JsonElement root in new[] { config, map }.OfType<JsonElement>())
        {
            ReadNamed(root, named);
            ReadUnnamed(root, named, unnamed);
        }

        return new SpecialTokens(
            [.. StandardNames.Where(named.ContainsKey).Concat(named.Keys.Where(name => !StandardNames.Contains(name)))
                .Select(name => (name, named[name]))],
            unnamed);
    }

    /// <summary>The text of a named token, or null.</summary>
    public string? Text(string name) => Named.FirstOrDefault(entry => entry.Name == name).Token?.Content;

    private static void ReadNamed(JsonElement root, Dictionary<string, AddedToken> named)
    {
        foreach (JsonProperty property in root.EnumerateObject().Where(property => property.Value.ValueKind == JsonValueKind.Null))
        {
            named.Remove(property.Name); // null in the map takes away what the configuration names
        }

        foreach (string name in StandardNames)
        {
            if (root.Optional("$", name) is { } value)
            {
                named[name] = AddedTokenReader.ReadSpecial(value, name) ?? throw new InvalidDataException($"$.{name} is not a string");
            }
        }
        // Any other key that ends so names a token of this model, unless it is a setting like add_bos_token.
        foreach (JsonProperty property in root.EnumerateObject())
        {
            if (property.Name.EndsWith("_token", StringComparison.Ordinal) && !StandardNames.Contains(property.Name)
                && (property.Value.ValueKind == JsonValueKind.String || IsToken(property.Value)))
            {
                named[property.Name] = AddedTokenReader.ReadSpecial(property.Value, property.Name)!;
            }
        }

        ReadObject(root.Optional("$", "model_specific_special_tokens"), "model_specific_special_tokens", named);
    }

    private static void ReadUnnamed(JsonElement root, Dictionary<string, AddedToken> named, List<AddedToken> unnamed)
    {
        foreach (string name in (string[])[OldListName, NewListName])
        {
            JsonElement? list = root.Optional("$", name);
            if (list is { ValueKind: JsonValueKind.Object })
            {
                ReadObject(list, name, named);
            }
            else if (list is { ValueKind: JsonValueKind.Array } array && array.GetArrayLength() > 0)
            {
                if (name == OldListName && unnamed.Count > 0)
                {
                    continue; // the configuration's list stands, whatever the map has under this name
                }

                if (name == NewListName)
                {
                    unnamed.Clear(); // it wins where both hold some
                }

                int index = 0;
                foreach (JsonElement item in array.EnumerateArray())
                {
                    string path = $"{name}[{index++}]";
                    AddedToken token = AddedTokenReader.ReadSpecial(item, path) ?? throw new InvalidDataException($"{path} is not a token");
                    if (!unnamed.Exists(other => other.Content == token.Content))
                    {
                        unnamed.Add(token);
                    }
                }
            }
        }
    }

    private static void ReadObject(JsonElement? section, string path, Dictionary<string, AddedToken> named)
    {
        if (section is not { } tokens)
        {
            return;
        }

        if (tokens.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException($"{path} is not an object of tokens by name");
        }

        foreach (JsonProperty property in tokens.EnumerateObject())
        {
            named[property.Name] = AddedTokenReader.ReadSpecial(property.Value, $"{path}.{property.Name}")
                ?? throw new InvalidDataException($"{path}.{property.Name} is not a token");
        }
    }

    private static bool IsToken(JsonElement value) => value.ValueKind == JsonValueKind.Object && value.TryGetProperty("content", out _);
}
