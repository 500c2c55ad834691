using System.Text;
using System.Text.Json;

namespace Rm.Formats.Tokenization;

/// <summary>
/// Where a checkpoint keeps its chat templates. Files win over <c>chat_template</c> of tokenizer_config.json, as in transformers:
/// chat_template.jinja is the default, additional_chat_templates/NAME.jinja are others by name.
/// </summary>
public static class ChatTemplateFiles
{
    /// <summary>Name of the template that is used when a conversation asks for no other.</summary>
    public const string Default = "default";

    /// <summary>Name of the template for conversations with tools, where a checkpoint has one of its own.</summary>
    public const string ToolUse = "tool_use";

    /// <summary>The file of the default template.</summary>
    public const string FileName = "chat_template.jinja";

    /// <summary>The folder of the other ones.</summary>
    public const string FolderName = "additional_chat_templates";

    private const string Ending = ".jinja";

    /// <summary>True for the path of a file that holds a template, relative to the checkpoint and with forward slashes.</summary>
    public static bool IsTemplate(string path) =>
        path == FileName || (path.StartsWith(FolderName + "/", StringComparison.Ordinal) && path.EndsWith(Ending, StringComparison.Ordinal)
            && path.IndexOf('/', FolderName.Length + 1) < 0);

    /// <summary>The template files that a folder has, relative to it and with forward slashes.</summary>
    public static IEnumerable<string> In(string folder)
    {
        string more = Path.Combine(folder, FolderName);
        IEnumerable<string> files = Directory.Exists(more)
            ? Directory.EnumerateFiles(more, "*" + Ending).Select(file => $"{FolderName}/{Path.GetFileName(file)}")
                .Order(StringComparer.Ordinal)
            : [];
        return File.Exists(Path.Combine(folder, FileName)) ? files.Prepend(FileName) : files;
    }

    /// <summary>Templates by name.</summary>
    /// <exception cref="UserInputException">A file cannot be read, or the entry is malformed.</exception>
    internal static IReadOnlyDictionary<string, string> Read(string folder, JsonElement? config)
    {
        var templates = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string file in In(folder))
        {
            string path = Path.Combine(folder, file);
            templates[file == FileName ? Default : Path.GetFileNameWithoutExtension(file)] =
                TokenizerFile.Guarded(path, () => Encoding.UTF8.GetString(TokenizerFile.ReadBytes(path).Span));
        }

        return templates.Count > 0 || config is not { } root
            ? templates
            : TokenizerFile.Guarded(Path.Combine(folder, TokenizerConfig.FileName), () => ReadEntry(root));
    }

    /// <summary>One template, a list of named ones, or an object of templates by name.</summary>
    private static Dictionary<string, string> ReadEntry(JsonElement root)
    {
        const string name = "chat_template";
        var templates = new Dictionary<string, string>(StringComparer.Ordinal);
        switch (root.Optional("$", name))
        {
            case null:
                break;
            case { ValueKind: JsonValueKind.Array }:
                foreach ((JsonElement item, string path) in root.RequiredArray("$", name))
                {
                    templates[item.RequiredString(path, "name")] = item.RequiredString(path, "template");
                }

                break;
            case { ValueKind: JsonValueKind.Object } named:
                foreach (JsonProperty entry in named.EnumerateObject())
                {
                    templates[entry.Name] = named.RequiredString($"$.{name}", entry.Name);
                }

                break;
            default:
                templates[Default] = root.RequiredString("$", name);
                break;
        }

        return templates;
    }
}
