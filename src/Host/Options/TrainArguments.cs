using System.CommandLine;
using Rm.Formats;
using Rm.Training.Loop;

namespace Rm.Host.Options;

/// <summary>The command line of one training run, read as <c>btrm train</c> reads it, without opening model or data.</summary>
internal static class TrainArguments
{
    /// <summary>The options of <c>btrm train</c> by name without dashes.</summary>
    public static IReadOnlyDictionary<string, Option> Options { get; } =
        Command(new TrainOptionSet()).Options.Where(o => o.Name.StartsWith("--", StringComparison.Ordinal))
            .ToDictionary(o => o.Name[2..], StringComparer.Ordinal);

    /// <summary>The settings of a run to which nothing is given, as run.json has them; see <see cref="EarlierRun.Differences"/>.</summary>
    public static IReadOnlyDictionary<string, string> Defaults { get; } = ResolvedSettings.Defaults(Command(new TrainOptionSet()));

    /// <summary>
    /// Checks the arguments of a run, without the word train, and returns its settings as run.json will have them, but for those that
    /// follow from the number of pairs (<see cref="ResolvedSettings.BeforeData"/>). Throws <see cref="UserInputException"/> as the run
    /// would.
    /// </summary>
    public static IReadOnlyDictionary<string, string> Check(IEnumerable<string> arguments)
    {
        var train = new TrainOptionSet();
        var root = new RootCommand();
        root.Subcommands.Add(Command(train));
        NumberArguments.MakeStrict(root);
        ParseResult result = OptionParser.Parse(root, ["train", .. arguments]);
        train.Check(result);
        return ResolvedSettings.BeforeData(result);
    }

    private static Command Command(TrainOptionSet options)
    {
        var command = new Command("train");
        options.AddTo(command);
        return command;
    }
}
