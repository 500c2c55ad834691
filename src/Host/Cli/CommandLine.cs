using System.CommandLine;
using System.CommandLine.Parsing;
using Rm.Host.Checkpoints;
using Rm.Host.Config;
using Rm.Host.Training;
using Rm.Kernels.Cuda;

namespace Rm.Host.Cli;

/// <summary>The command line: parses, merges the configuration file, runs the command and turns what it throws into a message and an exit code.</summary>
public static class CommandLine
{
    // A value may begin with '@' (a prompt, say): it is not a file of further arguments, which --config is for.
    internal static readonly ParserConfiguration Parsing = new() { ResponseFileTokenReplacer = null };

    /// <summary>How commands are run: what they throw is reported here, signals are their own affair.</summary>
    internal static InvocationConfiguration Invocation => new() { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };

    /// <summary>Runs btrm with the given arguments and returns its exit code.</summary>
    public static int Run(string[] args)
    {
        bool debug = args.Contains("--debug", StringComparer.Ordinal);
        try
        {
            return Parse(Build(), args).Invoke(Invocation);
        }
        catch (Exception e) when (!debug)
        {
            return Report(e);
        }
    }

    /// <summary>
    /// Parses arguments with what a configuration file and a preset add to them: the command line goes before the file, and the file before the
    /// preset. Throws <see cref="UserInputException"/>.
    /// </summary>
    internal static ParseResult Parse(RootCommand root, string[] args)
    {
        ParseResult result = root.Parse(args, Parsing);
        if (ConfigFile.PathIn(result) is { } path)
        {
            args = ConfigFile.Merge(path, result, args);
            result = root.Parse(args, Parsing);
        }

        // Help and version are actions that the library answers before errors count.
        if (AsksForHelp(result))
        {
            return result;
        }

        if (result.Errors.Count == 0 && Preset.In(result) is { } preset)
        {
            result = root.Parse(preset.Merge(result, args), Parsing);
        }

        return result.Errors.Count == 0 ? result : throw UsageErrors.Describe(result);
    }

    internal static RootCommand Build()
    {
        var root = new RootCommand("btrm trains, evaluates and serves Bradley-Terry reward models.");
        root.Options.Add(new Option<bool>("--debug") { Description = "Show stack traces of errors.", Recursive = true });
        root.Subcommands.Add(new TrainCommand().Create());
        root.Subcommands.Add(new DiagnoseCommand().Create());
        root.Subcommands.Add(new SweepCommand().Create());
        root.Subcommands.Add(new EvalCommand().Create());
        root.Subcommands.Add(new ScoreCommand().Create());
        root.Subcommands.Add(new MergeCommand().Create());
        root.Subcommands.Add(new ReportCommand().Create());
        root.Subcommands.Add(DataCommand.Create());
        root.Subcommands.Add(new AnalyzeCommand().Create());
        root.Subcommands.Add(new BenchCommand().Create());
        root.Subcommands.Add(new PlanCommand().Create());
        root.Subcommands.Add(new DoctorCommand().Create());
        NumberArguments.MakeStrict(root);
        return root;
    }

    private static bool AsksForHelp(ParseResult result) =>
        result.Tokens.Any(t => t.Type == TokenType.Option && t.Value is "--help" or "-h" or "-?" or "/?" or "--version");

    private static int Report(Exception e)
    {
        (string message, int code) = e switch
        {
            UserInputException => (e.Message, ExitCodes.BadInput),
            SaveFailedException or TrainingFailedException or NonFiniteException => (e.Message, ExitCodes.Failed),
            OutOfMemoryException => (
                $"Out of memory ({e.Message}). A smaller --micro-token-budget, --max-seq-len or --recompute full needs less.", ExitCodes.Failed),
            _ when CudaDevices.IsDeviceFailure(e) => (e.Message, ExitCodes.Failed),
            IOException or UnauthorizedAccessException => (e.Message, ExitCodes.Failed),
            _ => ($"Unexpected error: {e.Message} (run again with --debug for details, and please report it)", ExitCodes.Failed),
        };
        Console.Error.WriteLine($"btrm: {message}");
        return code;
    }
}
