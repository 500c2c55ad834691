using System.Text;
using System.Text.Json;

namespace Rm.Formats.Tokenization;

/// <summary>Reads <c>added_tokens</c> of tokenizer.json and <c>added_tokens_decoder</c> of tokenizer_config.json.</summary>
internal static class AddedTokenReader
{
    /// <summary>The tokens of tokenizer.json, whose texts join <paramref name="vocabulary"/>.</summary>
    public static List<AddedToken> Read(JsonElement? section, Vocabulary vocabulary)
    {
        const string path = "added_tokens";
        var tokens = new List<AddedToken>();
        if (section is not { } array)
        {
            return tokens;
        }
        if (array.ValueKind != JsonValueKind.Array)
        {
            throw new InvalidDataException($"{path} is not an array");
        }
        var known = new Dictionary<string, int>(StringComparer.Ordinal);
        int index = 0;
        foreach (JsonElement item in array.EnumerateArray())
        {
            string itemPath = $"{path}[{index++}]";
            AddedToken token = ReadToken(item, itemPath, item.Required(itemPath, "id").TokenId($"{itemPath}.id"));
            if (token.Content.Length == 0)
            {
                continue; // matches nothing; Hugging Face passes it over as well
            }
            if (!known.TryAdd(token.Content, token.Id))
            {
                throw new InvalidDataException($"{itemPath}: '{token.Content}' is there twice");
            }
            Claim(token, itemPath, vocabulary);
            tokens.Add(token);
        }
        return tokens;
    }

    /// <summary>Adds the tokens that only tokenizer_config.json knows, as transformers does on loading.</summary>
    public static List<AddedToken> ReadDecoder(JsonElement? section, IReadOnlyList<AddedToken> present, Vocabulary vocabulary)
    {
        const string path = "added_tokens_decoder";
        var tokens = new List<AddedToken>();
        if (section is not { } decoder)
        {
            return tokens;
        }
        if (decoder.ValueKind != JsonValueKind.Object)
        {
            throw new InvalidDataException($"{path} is not an object");
        }
        var known = present.Select(token => token.Content).ToHashSet(StringComparer.Ordinal);
        foreach (JsonProperty property in decoder.EnumerateObject())
        {
            string itemPath = $"{path}['{property.Name}']";
            if (!int.TryParse(property.Name, System.Globalization.NumberStyles.None, null, out int id) || id >= Vocabulary.MaxIds)
            {
                throw new InvalidDataException($"{itemPath}: the key is not a token id");
            }
            AddedToken token = ReadToken(property.Value, itemPath, id);
            if (token.Content.Length > 0 && known.Add(token.Content))
            {
                Claim(token, itemPath, vocabulary);
                tokens.Add(token);
            }
        }
        return tokens;
    }

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

    /// <summary>Checks that the id means this token and nothing else, and gives it its text unless the model's vocabulary has it.</summary>
    private static void Claim(AddedToken token, string path, Vocabulary vocabulary)
    {
        byte[] content = Encoding.UTF8.GetBytes(token.Content);
        if (vocabulary.TryFindSpelling(content, out int modelId))
        {
            if (modelId != token.Id)
            {
                throw new InvalidDataException($"{path}: '{token.Content}' has id {token.Id} here and {modelId} in model.vocab");
            }
        }
        else if (vocabulary.Contains(token.Id))
        {
            throw new InvalidDataException($"{path}: '{token.Content}' has id {token.Id}, which belongs to another token");
        }
        else
        {
            vocabulary.SetBytes(token.Id, content);
        }
    }
}
