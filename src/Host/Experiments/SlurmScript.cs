using System.Globalization;
using System.Text;

namespace Rm.Host.Experiments;

/// <summary>Writes the job array of a sweep as a script for sbatch: one run a task.</summary>
internal static class SlurmScript
{
    // The batch shell gets the signal (B:) and hands it on; a wait that a signal interrupts is taken up again. Only the signal before the
    // time limit leads to a requeue: a task that scancel ends also leaves with 75, and must not come back.
    private const string Tail = """
        mkdir -p "$out" && rm -f "$out/exit-code" || exit 1
        "${btrm[@]}" "${args[@]}" >>"$out/log.txt" 2>&1 </dev/null &
        run=$!
        limit=
        trap 'limit=1; kill -USR1 "$run"' USR1
        trap 'kill -TERM "$run"' TERM
        wait "$run"; code=$?
        while kill -0 "$run" 2>/dev/null; do wait "$run"; code=$?; done

        echo "$code" >"$out/exit-code"
        if [ "$code" -eq 75 ] && [ -n "$limit" ]; then scontrol requeue "$SLURM_JOB_ID" && exit 0; fi
        exit "$code"

        """;

    /// <summary>The script's text.</summary>
    /// <param name="name">Name of the job.</param>
    /// <param name="runs">Runs in order of the array's indices.</param>
    /// <param name="folder">The sweep's slurm folder, absolute.</param>
    /// <param name="options">What the user says.</param>
    public static string Text(string name, IReadOnlyList<PlannedRun> runs, string folder, SlurmOptions options)
    {
        var text = new StringBuilder();
        text.Append("#!/bin/bash\n# Written by btrm sweep: a task of this array is one training run. A task goes on from its newest "
            + "checkpoint when it is started again.\n");
        string throttle = options.Throttle is { } most ? string.Create(CultureInfo.InvariantCulture, $"%{most}") : "";
        Option("job-name", name);
        Option("array", string.Create(CultureInfo.InvariantCulture, $"0-{runs.Count - 1}{throttle}"));
        Option("signal", string.Create(CultureInfo.InvariantCulture, $"B:USR1@{options.SignalSeconds}"));
        text.Append("#SBATCH --requeue\n");
        Option("open-mode", "append");
        Option("chdir", Environment.CurrentDirectory);
        Option("output", Path.Combine(folder.Replace("%", "%%", StringComparison.Ordinal), "%A_%a.log"));
        if (options.Time is { } time)
        {
            Option("time", time);
        }

        if (options.Arguments is { } further)
        {
            text.Append("#SBATCH ").Append(further).Append('\n');
        }

        text.Append("set -u\n\n");
        if (Environment.GetEnvironmentVariable("DOTNET_ROOT") is { Length: > 0 } runtime)
        {
            text.Append("export DOTNET_ROOT=").Append(ShellQuote.Word(runtime)).Append('\n');
        }

        text.Append("btrm=(").Append(ShellQuote.Join(SelfCommand.Words)).Append(")\ncase $SLURM_ARRAY_TASK_ID in\n");
        for (int i = 0; i < runs.Count; i++)
        {
            text.Append(
                CultureInfo.InvariantCulture, $"{i}) # {runs[i].Name}\n  out={ShellQuote.Word(Path.GetFullPath(runs[i].Folder))}\n");
            text.Append(CultureInfo.InvariantCulture, $"  args=({ShellQuote.Join(runs[i].CommandLine)}");
            text.Append(runs[i].Sets("threads") ? "" : " ${SLURM_CPUS_PER_TASK:+--threads=$SLURM_CPUS_PER_TASK}").Append(") ;;\n");
        }

        text.Append("*) echo \"no run has index $SLURM_ARRAY_TASK_ID\" >&2; exit 1 ;;\nesac\n\n").Append(Tail);
        return text.ToString();

        void Option(string option, string value) =>
            text.Append("#SBATCH --").Append(option).Append('=')
                .Append(value.Contains(' ', StringComparison.Ordinal) ? $"\"{value}\"" : value).Append('\n');
    }
}
