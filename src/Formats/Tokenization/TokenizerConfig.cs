using System.Text;
using System.Text.Json;

namespace Rm.Formats.Tokenization;

/// <summary>
/// What <c>tokenizer_config.json</c> and <c>chat_template.jinja</c> say of a tokenizer; all null where the files are not there.
/// </summary>
/// <param name="BosToken">Text of the token that begins a text.</param>
/// <param name="EosToken">Text of the token that ends one.</param>
/// <param name="PadToken">Text of the padding token.</param>
/// <param name="UnkToken">Text of the unknown token.</param>
/// <param name="ChatTemplate">The default chat template, Jinja source.</param>
/// <param name="AddedTokensDecoder">Added tokens by id, as JSON.</param>
internal sealed record TokenizerConfig(
    string? BosToken = null,
    string? EosToken = null,
    string? PadToken = null,
    string? UnkToken = null,
    string? ChatTemplate = null,
    JsonElement? AddedTokensDecoder = null)
{
    /// <summary>The name of the file.</summary>
    public const string FileName = "tokenizer_config.json";

    private const string TemplateFileName = "chat_template.jinja";

    /// <summary>Reads the files of a folder.</summary>
    /// <exception cref="UserInputException">A file is malformed or cannot be read.</exception>
    public static TokenizerConfig Load(string folder)
    {
        var config = new TokenizerConfig();
        string path = Path.Combine(folder, FileName);
        if (File.Exists(path))
        {
            config = TokenizerFile.Guarded(path, () => Parse(TokenizerFile.ReadBytes(path)));
        }
        string templatePath = Path.Combine(folder, TemplateFileName);
        if (File.Exists(templatePath))
        {
            // transformers lets the file replace the template of tokenizer_config.json.
            config = config with
            {
                ChatTemplate = TokenizerFile.Guarded(
                    templatePath, () => Encoding.UTF8.GetString(TokenizerFile.ReadBytes(templatePath).Span)),
            };
        }
        return config;
    }

    private static TokenizerConfig Parse(ReadOnlyMemory<byte> json)
    {
        JsonElement root = JsonElement.Parse(json.Span);
        return new TokenizerConfig(
            ReadToken(root, "bos_token"),
            ReadToken(root, "eos_token"),
            ReadToken(root, "pad_token"),
            ReadToken(root, "unk_token"),
            ReadTemplate(root),
            root.Optional("$", "added_tokens_decoder"));
    }

    /// <summary>A token is its text, or an object with its text as <c>content</c>.</summary>
    private static string? ReadToken(JsonElement root, string name) => root.Optional("$", name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.Object } token => token.RequiredString(name, "content"),
        _ => root.RequiredString("$", name),
    };

    /// <summary>One template, or a list of named ones of which the default is taken; null when the list has no default.</summary>
    private static string? ReadTemplate(JsonElement root)
    {
        if (root.Optional("$", "chat_template") is not { ValueKind: JsonValueKind.Array })
        {
            return root.OptionalString("$", "chat_template");
        }
        foreach ((JsonElement item, string path) in root.RequiredArray("$", "chat_template"))
        {
            if (item.RequiredString(path, "name") == "default")
            {
                return item.RequiredString(path, "template");
            }
        }
        return null;
    }
}
