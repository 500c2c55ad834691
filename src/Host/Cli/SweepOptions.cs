using System.CommandLine;
using Rm.Formats;
using Rm.Host.Experiments;
using Rm.Host.Options;

namespace Rm.Host.Cli;

/// <summary>Options of <c>btrm sweep</c>.</summary>
internal sealed class SweepOptions : OptionGroup
{
    private readonly Option<string?> _outputDir;
    private readonly Option<int?> _jobs;
    private readonly Option<string?> _only;
    private readonly Option<string?> _devices;
    private readonly Option<bool> _dryRun;
    private readonly Option<bool> _collect;
    private readonly Option<bool> _slurm;
    private readonly Option<bool> _scriptOnly;
    private readonly Option<string?> _slurmArgs;
    private readonly Option<string?> _time;
    private readonly Option<int> _signalSeconds;

    public SweepOptions()
    {
        _outputDir = AddOptional<string>(
            "--output-dir", "Folder for the runs, each in one named after it; default: out/ and the file's name.", "DIR");
        _jobs = AddOptional<int?>("--jobs", "Runs at a time; default 1, or as many as there are --devices; with --slurm no limit.", "N");
        _only = AddOptional<string>("--only", "These runs only, by name, separated by commas.", "NAMES");
        _devices = AddOptional<string>("--devices", "Devices to deal to the runs, separated by commas: cuda:0,cuda:1.", "NAMES");
        _dryRun = AddFlag("--dry-run", "Check everything and print the commands; start nothing.");
        _collect = AddFlag("--collect", "Start nothing; say which runs are finished, running, failed or missing, and gather the results.");
        _slurm = AddFlag("--slurm", "Submit what is not finished as a Slurm job array, one run a task.");
        _scriptOnly = AddFlag("--slurm-script-only", "Write the job array's script and print its path; submit nothing.");
        _slurmArgs =
            AddOptional<string>("--slurm-args", "Further options of sbatch in one text: \"--partition=gpu --gres=gpu:1\".", "TEXT");
        _time = AddOptional<string>("--time", "Time limit of a task as sbatch takes it (04:00:00); default: the cluster's.", "TIME");
        _signalSeconds =
            Add("--signal-seconds", "Seconds before the time limit at which a run writes a checkpoint, to go on in a new task.", 300, "N");
    }

    /// <summary>Reads and checks the options.</summary>
    public SweepChoices Read(ParseResult result, string file)
    {
        int? jobs = result.GetValue(_jobs);
        Require(jobs is not <= 0, _jobs, "must be at least 1");
        Require(result.GetValue(_signalSeconds) is >= 1 and <= 65535, _signalSeconds, "must be 1 to 65535");
        bool scriptOnly = result.GetValue(_scriptOnly), slurm = result.GetValue(_slurm) || scriptOnly;
        Option[] modes = [.. new[] { _dryRun, _collect }.Where(result.GetValue), .. slurm ? [_slurm] : Array.Empty<Option>()];
        if (modes.Length > 1)
        {
            throw new UserInputException($"Give either {modes[0].Name} or {modes[1].Name}, not both.");
        }

        foreach (Option option in new Option[] { _slurmArgs, _time, _signalSeconds })
        {
            Require(slurm || result.GetResult(option) is not { Implicit: false }, option, "has no effect without --slurm");
        }

        IReadOnlyList<string> devices = List(result, _devices);
        Require(!slurm || devices.Count == 0, _devices, "is for runs on this machine; Slurm deals its own: --slurm-args \"--gres=gpu:1\"");
        foreach (Option<string?> text in new[] { _slurmArgs, _time })
        {
            Require(result.GetValue(text)?.AsSpan().ContainsAny('\n', '\r') is not true, text, "must be one line");
        }

        return new SweepChoices(
            result.GetValue(_outputDir) ?? Path.Combine("out", Path.GetFileNameWithoutExtension(file)), jobs ?? Math.Max(1, devices.Count),
            List(result, _only),
            devices, result.GetValue(_dryRun), result.GetValue(_collect),
            slurm
                ? new SlurmOptions(result.GetValue(_time), result.GetValue(_signalSeconds), result.GetValue(_slurmArgs), jobs)
                : null, scriptOnly);
    }

    private static string[] List(ParseResult result, Option<string?> option)
    {
        string[] names = result.GetValue(option)?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];
        Require(result.GetValue(option) is null || names.Length > 0, option, "names nothing");
        return names;
    }
}
