using System.Globalization;
using System.Text.Json;
using Rm.Formats.Json;
using Rm.Host.Options;

namespace Rm.Host.Experiments;

/// <summary>What is known of a run.</summary>
/// <param name="Status">How far it is.</param>
/// <param name="Detail">One line for people, or null.</param>
/// <param name="ExitCode">Of the last process, where known.</param>
/// <param name="Result">result.json of a finished run.</param>
internal sealed record RunState(RunStatus Status, string? Detail = null, int? ExitCode = null, JsonElement? Result = null)
{
    private const int LogTail = 4096;

    /// <summary>Reads a run's folder and, for a run that was given to Slurm, the queue.</summary>
    /// <param name="run">The run.</param>
    /// <param name="queue">What Slurm says of the sweep's runs.</param>
    public static RunState Of(PlannedRun run, SlurmQueue queue)
    {
        if (File.Exists(run.ResultFile) && File.Exists(run.RunFile))
        {
            return new RunState(
                RunStatus.Finished, ExitCode: 0, Result: JsonInput.ParseObject(JsonInput.ReadFile(run.ResultFile), run.ResultFile));
        }

        if (queue.StateOf(run.Name) is { } state)
        {
            return new RunState(state == "PENDING" ? RunStatus.Queued : RunStatus.Running, $"Slurm: {state.ToLowerInvariant()}");
        }

        if (!Directory.Exists(run.Folder))
        {
            return new RunState(RunStatus.Missing);
        }

        if (IsHeld(run))
        {
            return new RunState(RunStatus.Running, "another process is at it");
        }

        return ReadExitCode(run) is { } code ? AfterExit(run, code)
            : queue.WasSubmitted(run.Name) ? new RunState(
                RunStatus.Failed, "its Slurm task ended without leaving an exit code: killed, out of memory, or lost with its node")
            : File.Exists(run.RunFile) ? new RunState(RunStatus.Stopped, "its process is gone")
            : new RunState(RunStatus.Missing);
    }

    /// <summary>The state after a process ended with this code and without a result.</summary>
    public static RunState AfterExit(PlannedRun run, int code) => code == ExitCodes.Interrupted
        ? new RunState(RunStatus.Stopped, "stopped with a checkpoint", code)
        : new RunState(RunStatus.Failed, $"exit code {code}{(LastMessage(run) is { } message ? $": {message}" : "")}", code);

    // The lock that a training process holds; it goes with the process, however that ends.
    private static bool IsHeld(PlannedRun run)
    {
        string path = Path.Combine(run.Folder, ".lock");
        if (!File.Exists(path))
        {
            return false;
        }

        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
            return false;
        }
        catch (IOException)
        {
            return true;
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static int? ReadExitCode(PlannedRun run)
    {
        try
        {
            return int.TryParse(File.ReadAllText(run.ExitCodeFile).AsSpan().Trim(), NumberStyles.AllowLeadingSign,
                CultureInfo.InvariantCulture, out int code) ? code : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // The error that btrm closed with, else the log's last line.
    private static string? LastMessage(PlannedRun run)
    {
        try
        {
            using var stream = new FileStream(run.LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            stream.Seek(-Math.Min(stream.Length, LogTail), SeekOrigin.End);
            string[] lines =
                new StreamReader(stream).ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            return lines.LastOrDefault(l => l.StartsWith("btrm: ", StringComparison.Ordinal))?["btrm: ".Length..] ?? lines.LastOrDefault();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
