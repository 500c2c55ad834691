using System.CommandLine;
using Rm.Formats;
using Rm.Formats.Files;
using Rm.Host.Options;
using Rm.Host.Trl;
using Rm.Kernels.Cuda;
using Rm.Training.Loop;
using Rm.Training.Model;

namespace Rm.Host.Cli;

/// <summary>
/// The command line: parses, merges the configuration file, runs the command and turns what it throws into a message and an exit code.
/// </summary>
public static class CommandLine
{
    /// <summary>Runs btrm with the given arguments and returns its exit code.</summary>
    public static int Run(string[] args)
    {
        bool debug = args.Contains("--debug", StringComparer.Ordinal);
        try
        {
            return OptionParser.Parse(Build(), args).Invoke(OptionParser.Invocation);
        }
        catch (Exception e) when (!debug)
        {
            return Report(e);
        }
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
        root.Subcommands.Add(new ServeCommand().Create());
        root.Subcommands.Add(new MergeCommand().Create());
        root.Subcommands.Add(new ReportCommand().Create());
        root.Subcommands.Add(DataCommand.Create());
        root.Subcommands.Add(new AnalyzeCommand().Create());
        root.Subcommands.Add(new BenchCommand().Create());
        root.Subcommands.Add(new PlanCommand().Create());
        root.Subcommands.Add(new DoctorCommand().Create());
        root.Subcommands.Add(new TrlRewardCommand().Create());
        NumberArguments.MakeStrict(root);
        return root;
    }

    private static int Report(Exception e)
    {
        (string message, int code) = e switch
        {
            UserInputException => (e.Message, ExitCodes.BadInput),
            SaveFailedException or TrainingFailedException or NonFiniteException => (e.Message, ExitCodes.Failed),
            OutOfMemoryException => (
                $"Out of memory ({e.Message}). A smaller --micro-token-budget, --max-seq-len or --recompute full needs less.",
                ExitCodes.Failed),
            _ when CudaDevices.IsDeviceFailure(e) => (e.Message, ExitCodes.Failed),
            IOException or UnauthorizedAccessException => (e.Message, ExitCodes.Failed),
            _ => ($"Unexpected error: {e.Message} (run again with --debug for details, and please report it)", ExitCodes.Failed),
        };
        Console.Error.WriteLine($"btrm: {message}");
        return code;
    }
}
