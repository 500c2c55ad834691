using System.CommandLine;
using System.CommandLine.Parsing;
using Rm.Formats;
using Rm.Formats.Diagnostics;
using Rm.Formats.Rendering;
using Rm.Host.Experiments.Diagnostics;
using Rm.Host.Options;
using Rm.Training.Loop;

namespace Rm.Host.Cli;

/// <summary>
/// <c>btrm diagnose</c>: a run without a diagnostic and one with each of the four, all with the same options, and one table of verdicts.
/// </summary>
internal sealed class DiagnoseCommand
{
    // Options of train that this command sets for each run.
    private static readonly string[] SetPerRun =
        ["--resume", "--overwrite", "--output-dir", DiagnosticOptionGroup.ModeName, DiagnosticOptionGroup.BaselineName];

    private readonly Option<string> _outputDir =
        new("--output-dir") { Description = "Folder with a folder for each run, and diagnose.json.", Required = true, HelpName = "DIR" };

    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "Remove the runs that are there and start anew." };
    private readonly Option<string?> _baseline =
        new("--baseline") { Description = "Finished run without a diagnostic, instead of a new one.", HelpName = "RUN" };
    private readonly Option<bool> _noBaseline = new("--no-baseline") { Description = "No run without a diagnostic." };
    private readonly Command _command = new("diagnose", "Test the whole pipeline: four training runs whose results are known beforehand.");

    /// <summary>As in <see cref="TrainCommand.WrapTokenizer"/>.</summary>
    public Func<IPairTokenizer, IPairTokenizer> WrapTokenizer { get; init; } = tokenizer => tokenizer;

    /// <summary>The command.</summary>
    public Command Create()
    {
        foreach (Option option in new TrainCommand().Create().Options.Where(o => !SetPerRun.Contains(o.Name)))
        {
            _command.Options.Add(option);
        }

        foreach (Option option in new Option[] { _outputDir, _overwrite, _baseline, _noBaseline })
        {
            _command.Options.Add(option);
        }

        _command.SetAction(Run);
        return _command;
    }

    private int Run(ParseResult result)
    {
        string folder = result.GetValue(_outputDir)!;
        string? baseline = result.GetValue(_baseline);
        if (baseline is not null && result.GetValue(_noBaseline))
        {
            throw new UserInputException("Give either --baseline or --no-baseline, not both.");
        }

        using var directory = DiagnoseDirectory.Open(folder, Settings(result), TrainArguments.Defaults, result.GetValue(_overwrite));
        var outcomes = new List<DiagnosticOutcome>();
        if (baseline is null && !result.GetValue(_noBaseline))
        {
            baseline = directory.RunFolder(BaselineVerdict.Name);
            if (Train(result, BaselineVerdict.Name, baseline, []) is var code && code != ExitCodes.Success)
            {
                return code;
            }
        }

        if (baseline is not null)
        {
            outcomes.Add(BaselineVerdict.Of(FinishedRun.EvalRows(baseline), FinishedRun.ShortcutToken(baseline)));
        }

        foreach (DiagnosticMode mode in Enum.GetValues<DiagnosticMode>())
        {
            string name = DiagnosticOptions.NameOf(mode), run = directory.RunFolder(name);
            string[] words = [$"{DiagnosticOptionGroup.ModeName}={name}", .. baseline is null ? Array.Empty<string>()
                : [$"{DiagnosticOptionGroup.BaselineName}={baseline}"]];
            try
            {
                if (Train(result, name, run, words) is var code && code != ExitCodes.Success)
                {
                    return code;
                }

                outcomes.Add(FinishedRun.Outcome(run));
            }
            catch (Exception e) when (e is UserInputException or TrainingFailedException)
            {
                // The others can still tell something.
                outcomes.Add(DiagnosticOutcome.NotRun(name, e.Message));
            }
        }

        directory.WriteOutcomes(outcomes);
        DiagnosticText.WriteTable(outcomes, Console.Out);
        return outcomes.Exists(outcome => outcome.Verdict == Verdict.Fail) ? ExitCodes.Failed : ExitCodes.Success;
    }

    // A run of its own, as btrm train makes it; a finished one is kept, a stopped one goes on.
    private int Train(ParseResult result, string name, string folder, string[] words)
    {
        if (FinishedRun.IsFinished(folder))
        {
            Console.Error.WriteLine($"{name}: finished already.");
            return ExitCodes.Success;
        }

        Console.Error.WriteLine($"{name}:");
        var root = new RootCommand();
        root.Subcommands.Add(new TrainCommand { Results = TextWriter.Null, WrapTokenizer = WrapTokenizer }.Create());
        NumberArguments.MakeStrict(root);
        ParseResult run =
            root.Parse(["train", .. Words(result), .. words, $"--output-dir={folder}", "--resume=auto"], OptionParser.Parsing);
        if (run.Errors.Count > 0)
        {
            throw UsageErrors.Describe(run);
        }

        int code = run.Invoke(OptionParser.Invocation);
        if (code == ExitCodes.Interrupted)
        {
            Console.Error.WriteLine("The same btrm diagnose command goes on from there.");
        }

        return code;
    }

    // What the user gave of train's options, as words for train; a configuration file is among the given ones already.
    private IEnumerable<string> Words(ParseResult result)
    {
        foreach (Option option in TrainOptions)
        {
            if (result.GetResult(option) is { Implicit: false } given)
            {
                if (option.ValueType == typeof(bool))
                {
                    yield return $"{option.Name}={(((OptionResult)given).GetValueOrDefault<bool>() ? "true" : "false")}";
                    continue;
                }

                foreach (Token token in given.Tokens)
                {
                    yield return $"{option.Name}={token.Value}";
                }
            }
        }
    }

    private IEnumerable<Option> TrainOptions => _command.Options.Where(
        o => o.Name is not ConfigFile.OptionName && o != _outputDir && o != _overwrite && o != _baseline && o != _noBaseline);

    private SortedDictionary<string, string> Settings(ParseResult result)
    {
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (Option option in TrainOptions.Append(_baseline).Append(_noBaseline))
        {
            if (ResolvedSettings.Of(result, option) is { } value)
            {
                settings[option.Name[2..]] = value;
            }
        }

        return settings;
    }
}
