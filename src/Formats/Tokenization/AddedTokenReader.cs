using System.Globalization;
using System.Text.Json;

namespace Rm.Formats.Tokenization;

/// <summary>
/// Reads <c>added_tokens</c> of tokenizer.json, <c>added_tokens_decoder</c> of tokenizer_config.json and added_tokens.json.
/// </summary>
internal static class AddedTokenReader
{
    /// <summary>Adds the tokens of tokenizer.json in their order. Their ids there have no say, as in Hugging Face tokenizers.</summary>
    public static void Read(JsonElement? section, AddedVocabulary added)
    {
        const string path = "added_tokens";
        if (section is not { } array)
        {
            return;
        }

        if (array.ValueKind != JsonValueKind.Array)
        {
            throw new InvalidDataException($"{path} is not an array");
        }

        int index = 0;
        foreach (JsonElement item in array.EnumerateArray())
        {
            string itemPath = $"{path}[{index++}]";
            AddedToken token = ReadToken(item, itemPath, item.Required(itemPath, "id").TokenId($"{itemPath}.id"));
            if (token.Content.Length == 0 || added.Find(token.Content) is not null)
            {
                continue; // matches nothing, or is there already: Hugging Face passes it over as well
            }

            added.Add(token, itemPath);
        }
    }

    /// <summary>The tokens of tokenizer_config.json by rising id, with the flags that they have there.</summary>
    public static List<AddedToken> ReadDecoder(JsonElement decoder)
    {
        if (decoder.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException("added_tokens_decoder is not an object");
        }

        var tokens = new List<AddedToken>();
        foreach (JsonProperty property in decoder.EnumerateObject())
        {
            string itemPath = $"added_tokens_decoder['{property.Name}']";
            if (!int.TryParse(property.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int id) || id >= Vocabulary.MaxIds)
            {
                throw new InvalidDataException($"{itemPath}: the key is not a token id");
            }

            tokens.Add(ReadToken(property.Value, itemPath, id));
        }

        return [.. tokens.OrderBy(token => token.Id)];
    }

    /// <summary>
    /// The tokens of added_tokens.json, an object of ids by text, by rising id. <paramref name="special"/>: texts of special ones.
    /// </summary>
    public static List<AddedToken> ReadPlain(JsonElement root, IReadOnlySet<string> special)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException("$ is not an object of token ids by their texts");
        }

        return [.. root.EnumerateObject()
            .Select(entry => Plain(entry.Name, special.Contains(entry.Name), entry.Value.TokenId($"$['{entry.Name}']")))
            .OrderBy(token => token.Id)];
    }

    /// <summary>A token of which only the text is known.</summary>
    public static AddedToken Plain(string content, bool special, int id = -1) =>
        new(id, content, special, SingleWord: false, LeftStrip: false, RightStrip: false, Normalized: !special);

    /// <summary>A token given by its text, or by an object with its text as <c>content</c> and its flags; null for anything else.</summary>
    public static AddedToken? ReadSpecial(JsonElement value, string path) => value.ValueKind switch
    {
        JsonValueKind.String => Plain(value.GetString()!, special: true),
        JsonValueKind.Object => ReadToken(value, path, id: -1) with { Special = true },
        _ => null,
    };

    private static AddedToken ReadToken(JsonElement item, string path, int id)
    {
        bool special = item.Flag(path, "special", otherwise: false);
        return new AddedToken(
            id,
            item.RequiredString(path, "content"),
            special,
            item.Flag(path, "single_word", otherwise: false),
            item.Flag(path, "lstrip", otherwise: false),
            item.Flag(path, "rstrip", otherwise: false),
            item.Flag(path, "normalized", otherwise: !special));
    }
}
