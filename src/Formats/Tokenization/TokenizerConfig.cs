using System.Text.Json;

namespace Rm.Formats.Tokenization;

/// <summary>
/// What the files beside tokenizer.json say of a tokenizer: tokenizer_config.json, and where that has no <c>added_tokens_decoder</c> the
/// files of transformers before 4.34, special_tokens_map.json and added_tokens.json.
/// </summary>
/// <param name="Special">The special tokens that they name.</param>
/// <param name="Decoder">Further added tokens with their ids, which are checked.</param>
/// <param name="DecoderFile">The file that <paramref name="Decoder"/> comes from.</param>
/// <param name="SplitSpecialTokens"><c>split_special_tokens</c>: special tokens written in a text are text.</param>
/// <param name="ChatTemplates">Chat templates by name.</param>
/// <param name="NamesPadding"><c>pad_token</c> is said, be it as null.</param>
internal sealed record TokenizerConfig(
    SpecialTokens Special,
    IReadOnlyList<AddedToken> Decoder,
    string DecoderFile,
    bool SplitSpecialTokens,
    IReadOnlyDictionary<string, string> ChatTemplates,
    bool NamesPadding)
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "tokenizer_config.json";

    private const string MapFileName = "special_tokens_map.json", AddedFileName = "added_tokens.json";

    /// <summary>Reads the files of a folder.</summary>
    /// <exception cref="UserInputException">A file is malformed or cannot be read.</exception>
    public static TokenizerConfig Load(string folder)
    {
        JsonElement? config = ReadObject(folder, FileName);
        string path = Path.Combine(folder, FileName);
        JsonElement? decoder = TokenizerFile.Guarded(path, () => config?.Optional("$", "added_tokens_decoder"));
        JsonElement? map = decoder is null ? ReadObject(folder, MapFileName) : null;
        JsonElement? added = decoder is null ? ReadObject(folder, AddedFileName) : null;
        SpecialTokens special = TokenizerFile.Guarded(path, () => SpecialTokens.Read(config, null));
        if (map is not null)
        {
            special = TokenizerFile.Guarded(Path.Combine(folder, MapFileName), () => SpecialTokens.Read(config, map));
        }

        var specialTexts = special.Named.Select(entry => entry.Token).Concat(special.Unnamed).Select(token => token.Content).ToHashSet();
        string decoderFile = Path.Combine(folder, added is null ? FileName : AddedFileName);
        return new TokenizerConfig(
            special,
            TokenizerFile.Guarded(decoderFile, () => decoder is { } section ? AddedTokenReader.ReadDecoder(section)
                : added is { } root ? AddedTokenReader.ReadPlain(root, specialTexts) : []),
            decoderFile,
            TokenizerFile.Guarded(path, () => config?.Flag("$", "split_special_tokens", otherwise: false) ?? false),
            ChatTemplateFiles.Read(folder, config),
            new[] { config, map }.OfType<JsonElement>().Any(root => root.TryGetProperty("pad_token", out _)));
    }

    /// <summary>
    /// Adds the tokens that only these files know to those of tokenizer.json, as transformers does on loading; flags given here win.
    /// </summary>
    /// <exception cref="UserInputException">A token's id here is not the one that it gets.</exception>
    public void AddTo(AddedVocabulary added)
    {
        TokenizerFile.Guarded(DecoderFile, () =>
        {
            var named = Special.Named.Select(entry => entry.Token.Content).ToHashSet(StringComparer.Ordinal);
            foreach (AddedToken token in Decoder.Where(token => token.Content.Length > 0))
            {
                string path = $"added_tokens_decoder['{token.Id}']";
                AddedToken found = added.Add(token with { Special = token.Special || named.Contains(token.Content) }, path);
                if (found.Id != token.Id)
                {
                    throw new InvalidDataException($"'{token.Content}' has id {token.Id} here and {found.Id} by tokenizer.json");
                }
            }

            foreach (AddedToken token in Special.Named.Select(entry => entry.Token).Concat(Special.Unnamed))
            {
                if (token.Content.Length > 0 && added.Find(token.Content) is null)
                {
                    added.Add(token, token.Content);
                }
            }

            return true;
        });
    }

    private static JsonElement? ReadObject(string folder, string name)
    {
        string path = Path.Combine(folder, name);
        return !File.Exists(path) ? null : TokenizerFile.Guarded<JsonElement?>(path, () =>
        {
            var root = JsonElement.Parse(TokenizerFile.ReadBytes(path).Span);
            root.Optional("$", ""); // throws unless it is an object
            return root;
        });
    }
}
