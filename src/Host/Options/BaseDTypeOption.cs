using System.CommandLine;
using Rm.Formats;
using Rm.Training.Artifacts;
using Rm.Training.LowBit;

namespace Rm.Host.Options;

/// <summary><c>--base-dtype</c>: in what type the frozen matrices of a base model are kept.</summary>
internal static class BaseDTypeOption
{
    private const string AsStored = "default: as the checkpoint has it";

    /// <summary>The option of a command that trains or plans.</summary>
    public static Option<string?> Create() => Create(AsStored);

    /// <summary>The option of a command that scores with what was trained.</summary>
    public static Option<string?> CreateForScoring() => Create($"{AsStored}, or as the adapter was trained over it");

    /// <summary>The type that was given, or null. Throws <see cref="UserInputException"/>.</summary>
    public static BaseDType? Read(ParseResult result, Option<string?> option) =>
        result.GetValue(option) is { } name ? Parse(option.Name, name) : null;

    /// <summary>The type that was given, or the one that the folder of an adapter tells; said on stderr.</summary>
    public static BaseDType? ReadForScoring(ParseResult result, Option<string?> option, string? adapter)
    {
        if (Read(result, option) is { } given)
        {
            return given;
        }

        if (adapter is null || ArtifactInfo.TryRead(adapter)?.BaseDType is not { } name)
        {
            return null;
        }

        Console.Error.WriteLine($"{adapter}: was trained over a base in {name}, and is scored over one ({option.Name} says otherwise).");
        return Parse(Path.Combine(adapter, ArtifactInfo.FileName), name);
    }

    private static Option<string?> Create(string otherwise) => new("--base-dtype")
    {
        Description =
            $"Keep the base's frozen matrices in {string.Join(", ", BaseDTypes.ByName.Keys)}, quantised when they are loaded; {otherwise}.",
        HelpName = "TYPE",
    };

    private static BaseDType Parse(string where, string name) => BaseDTypes.ByName.TryGetValue(name, out BaseDType type)
        ? type
        : throw new UserInputException(
            $"{where} '{name}' is not known{NameSuggestion.DidYouMean(name, BaseDTypes.ByName.Keys)}. Choose one of: "
                + $"{string.Join(", ", BaseDTypes.ByName.Keys)}.");
}
