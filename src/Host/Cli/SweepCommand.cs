using System.CommandLine;
using Rm.Formats;
using Rm.Host.Experiments;
using Rm.Host.Options;
using Rm.Training.Loop;

namespace Rm.Host.Cli;

/// <summary><c>btrm sweep FILE.json</c>.</summary>
internal sealed class SweepCommand
{
    private readonly Argument<string> _file = new("FILE") { Description = "JSON file with base settings, a matrix and a list of runs." };
    private readonly Command _command = new("sweep", "Run a set of training runs, here or as a Slurm job array.");
    private readonly SweepOptions _options = new();

    /// <summary>The command.</summary>
    public Command Create()
    {
        _command.Arguments.Add(_file);
        _options.AddTo(_command);
        _command.SetAction(Run);
        return _command;
    }

    private int Run(ParseResult result)
    {
        using var signals = new StopSignals();
        string file = result.GetValue(_file)!;
        SweepChoices choices = _options.Read(result, file);
        var plan = SweepPlan.Make(SweepFile.Read(file), choices.Folder);
        IReadOnlyList<PlannedRun> selected = plan.Select(choices.Only);
        if (choices.Devices.Count > 0 && selected.FirstOrDefault(r => r.Sets("device")) is { } run)
        {
            throw new UserInputException(
                $"--devices deals devices to the runs, but {file} gives run {run.Name} one of its own. Leave one of the two away.");
        }

        if (choices.DryRun)
        {
            foreach (PlannedRun planned in selected)
            {
                Console.Out.WriteLine($"btrm {ShellQuote.Join(planned.CommandLine)}");
            }

            Console.Error.WriteLine($"{selected.Count} of {plan.Runs.Count} runs; nothing was started.");
            return ExitCodes.Success;
        }

        SweepPlan.RequireUnchanged(selected);
        return choices.Slurm is { } slurm ? Submit(plan, selected, new SlurmArray(plan, slurm), choices.ScriptOnly)
            : choices.Collect ? Report(plan, selected, States(plan))
            : RunHere(plan, selected, choices, signals);
    }

    private static int RunHere(SweepPlan plan, IReadOnlyList<PlannedRun> selected, SweepChoices choices, StopSignals signals)
    {
        IReadOnlyDictionary<string, RunState> states =
            new SweepRunner(plan, choices.Jobs, choices.Devices, signals).RunAsync(selected).GetAwaiter().GetResult();
        int code = Report(plan, selected, states);
        if (code == ExitCodes.Success || signals.Received is null)
        {
            return code;
        }

        Console.Error.WriteLine($"Stopped by {signals.Received}. The same command goes on with what is not finished.");
        return ExitCodes.Interrupted;
    }

    private static int Submit(SweepPlan plan, IReadOnlyList<PlannedRun> selected, SlurmArray array, bool scriptOnly)
    {
        IReadOnlyDictionary<string, RunState> states = States(plan);
        PlannedRun[] open = [.. selected.Where(r => states[r.Name].Status is RunStatus.Missing or RunStatus.Stopped or RunStatus.Failed)];
        if (open.Length == 0)
        {
            int code = Report(plan, selected, states);
            Console.Error.WriteLine("There is nothing to submit.");
            return code;
        }

        SweepReport.Write(plan, states);
        string script = array.Write(open);
        if (scriptOnly)
        {
            Console.Out.WriteLine(script);
            return ExitCodes.Success;
        }

        string job = array.Submit(script, open);
        Console.Error.WriteLine(
            $"Submitted {open.Length} of {plan.Runs.Count} runs as job array {job}; btrm sweep {ShellQuote.Word(plan.File.Path)} "
            + $"--output-dir {ShellQuote.Word(plan.Folder)} --collect shows how far they are.");
        SweepReport.Write(plan, States(plan));
        Console.Out.WriteLine(job);
        return ExitCodes.Success;
    }

    private static Dictionary<string, RunState> States(SweepPlan plan)
    {
        var queue = SlurmQueue.Read(plan);
        return plan.Runs.ToDictionary(r => r.Name, r => RunState.Of(r, queue), StringComparer.Ordinal);
    }

    private static int Report(SweepPlan plan, IReadOnlyList<PlannedRun> selected, IReadOnlyDictionary<string, RunState> states)
    {
        SweepReport.Write(plan, states);
        SweepReport.Print(plan, states, Console.Out);
        string[] open = [.. selected.Where(r => states[r.Name].Status != RunStatus.Finished).Select(r => r.Name)];
        if (open.Length == 0)
        {
            return ExitCodes.Success;
        }

        Console.Error.WriteLine($"btrm: {open.Length} of {selected.Count} runs have no result: {string.Join(", ", open)}");
        return ExitCodes.Failed;
    }
}
