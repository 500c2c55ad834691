using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Json;

namespace Rm.Host.Options;

/// <summary>
/// <c>--config FILE.json</c>: an object whose keys are long options without the dashes. Values become command-line words, so both spellings
/// go through one parser (as --name=value, so that a value may begin with a dash); options given on the command line win. <c>true</c> sets
/// a flag, <c>false</c> turns it off, also where a preset sets it, and <c>null</c> leaves it.
/// </summary>
internal static class ConfigFile
{
    /// <summary>Name of the option.</summary>
    public const string OptionName = "--config";

    /// <summary>The option, for commands that take it.</summary>
    public static Option<string?> CreateOption() => new(OptionName)
    {
        Description = "JSON file with the same names as these options, without the dashes; the command line wins.",
        HelpName = "FILE",
    };

    /// <summary>Path given on the command line, or null.</summary>
    public static string? PathIn(ParseResult result) =>
        result.CommandResult.Command.Options.FirstOrDefault(o => o.Name == OptionName) is Option<string?> option
            ? result.GetValue(option)
            : null;

    /// <summary>The arguments with those of the file added. Throws <see cref="UserInputException"/> naming file and key.</summary>
    public static string[] Merge(string path, ParseResult given, string[] args)
    {
        var known = given.CommandResult.Command.Options.ToDictionary(o => o.Name[2..], StringComparer.Ordinal);
        var words = new List<string>(args);
        foreach (JsonProperty property in Read(path, $"{OptionName} {path}").EnumerateObject())
        {
            if (!known.TryGetValue(property.Name, out Option? option) || option.Name == OptionName)
            {
                throw new UserInputException(
                    $"{path}: unknown key \"{property.Name}\"{NameSuggestion.DidYouMean(property.Name, known.Keys)}.");
            }

            bool onCommandLine = given.GetResult(option) is OptionResult { Implicit: false };
            if (!onCommandLine)
            {
                words.AddRange(Words(path, option, property.Value));
            }
        }

        return [.. words];
    }

    /// <summary>
    /// A JSON object that people write: comments and trailing commas are allowed. Throws <see cref="UserInputException"/>; <paramref
    /// name="asked"/> is how the user named a file that cannot be read.
    /// </summary>
    public static JsonElement Read(string path, string asked)
    {
        try
        {
            using var document = JsonDocument.Parse(
                File.ReadAllBytes(path),
                new JsonDocumentOptions
                {
                    CommentHandling = JsonCommentHandling.Skip,
                    AllowTrailingCommas = true,
                    AllowDuplicateProperties = false
                });
            JsonInput.CheckText(document.RootElement);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw new UserInputException($"{path}: must hold one JSON object.");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new UserInputException($"{path}: is not valid JSON: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UserInputException($"{asked}: cannot be read ({e.Message}).", e);
        }
    }

    /// <summary>
    /// The command-line words of an option with a JSON value. Throws <see cref="UserInputException"/>, which begins with <paramref
    /// name="path"/>, for a value of the wrong kind.
    /// </summary>
    public static IEnumerable<string> Words(string path, Option option, JsonElement value)
    {
        bool isFlag = option.ValueType == typeof(bool);
        if (isFlag && value.ValueKind is not (JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null))
        {
            throw new UserInputException($"{path}: \"{option.Name[2..]}\" must be true or false.");
        }

        return value.ValueKind switch
        {
            JsonValueKind.True when isFlag => [option.Name],
            JsonValueKind.False when isFlag => [$"{option.Name}=false"],
            JsonValueKind.Null or JsonValueKind.False => [],
            JsonValueKind.String => [$"{option.Name}={value.GetString()}"],
            JsonValueKind.Number => [$"{option.Name}={value.GetRawText()}"],
            JsonValueKind.Array => [$"{option.Name}={string.Join(',', value.EnumerateArray().Select(item => Item(path, option, item)))}"],
            _ => throw new UserInputException($"{path}: \"{option.Name[2..]}\" cannot be {value.ValueKind.ToString().ToLowerInvariant()}."),
        };
    }

    private static string Item(string path, Option option, JsonElement item) => item.ValueKind == JsonValueKind.String
        ? item.GetString()!
        : throw new UserInputException($"{path}: \"{option.Name[2..]}\" must list strings.");
}
