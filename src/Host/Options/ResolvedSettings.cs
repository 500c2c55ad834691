using System.CommandLine;
using System.Globalization;
using Rm.Training.Loop;

namespace Rm.Host.Options;

/// <summary>The values of a command's options, resolved, as run.json keeps them and as a resumed run must have them again.</summary>
internal static class ResolvedSettings
{
    // Options that change where or how fast a run computes, or what it writes about itself, but not what it computes.
    private static readonly HashSet<string> NotPartOfTheRun = new(StringComparer.Ordinal)
    {
        "output-dir", "resume", "overwrite", "config", "preset", "debug", "help", "version", "device", "threads", "recompute", "memory",
            "gemm",
        "track-gpu", "profile-steps", "log-every", "log-samples", "save-every", "keep-checkpoints", "diagnostic-baseline", "report-to",
    };

    /// <summary>Names of the settings that <see cref="BeforeData"/> leaves out where they follow from the number of pairs.</summary>
    public static readonly IReadOnlyList<string> KnownWithData = ["steps", "warmup-steps"];

    /// <summary>Names without dashes, and values as text.</summary>
    public static IReadOnlyDictionary<string, string> Of(ParseResult result, TrainingOptions options)
    {
        SortedDictionary<string, string> settings = Given(result, result.CommandResult.Command.Options);
        settings["steps"] = options.Steps.ToString(CultureInfo.InvariantCulture);
        settings["warmup-steps"] = options.Schedule.WarmupSteps.ToString(CultureInfo.InvariantCulture);
        return settings;
    }

    /// <summary>
    /// The same as far as it is known without the data: steps that come from epochs, and a warm-up that is a share of the steps, are
    /// absent.
    /// </summary>
    public static IReadOnlyDictionary<string, string> BeforeData(ParseResult result)
    {
        SortedDictionary<string, string> settings = Given(result, result.CommandResult.Command.Options);
        if (settings.ContainsKey("warmup-ratio") && settings.GetValueOrDefault("warmup-steps") == "0")
        {
            settings.Remove("warmup-steps");
        }

        return settings;
    }

    /// <summary>What a command's options have when nothing is given; those that must be given have nothing.</summary>
    public static IReadOnlyDictionary<string, string> Defaults(Command command) =>
        Given(command.Parse([], OptionParser.Parsing), command.Options.Where(option => !option.Required));

    private static SortedDictionary<string, string> Given(ParseResult result, IEnumerable<Option> options)
    {
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (Option option in options)
        {
            if (Of(result, option) is { } value)
            {
                settings[option.Name.TrimStart('-')] = value;
            }
        }

        return settings;
    }

    /// <summary>The value of one option as text; null when it has none or does not change what a run computes.</summary>
    public static string? Of(ParseResult result, Option option) =>
        NotPartOfTheRun.Contains(option.Name.TrimStart('-')) ? null : Value(result, option);

    private static string? Value(ParseResult result, Option option) => option switch
    {
        Option<string?> o => result.GetValue(o),
        Option<bool> o => result.GetValue(o) ? "true" : "false",
        Option<int> o => result.GetValue(o).ToString(CultureInfo.InvariantCulture),
        Option<int?> o => result.GetValue(o)?.ToString(CultureInfo.InvariantCulture),
        Option<long?> o => result.GetValue(o)?.ToString(CultureInfo.InvariantCulture),
        Option<ulong> o => result.GetValue(o).ToString(CultureInfo.InvariantCulture),
        Option<double> o => result.GetValue(o).ToString("R", CultureInfo.InvariantCulture),
        Option<double?> o => result.GetValue(o)?.ToString("R", CultureInfo.InvariantCulture),

        // A setting that run.json does not keep could differ in a resumed run without anyone seeing it.
        _ => throw new InvalidOperationException($"{option.Name} has a type that run.json does not keep: {option.ValueType.Name}."),
    };
}
