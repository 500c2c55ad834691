using System.Globalization;
using System.Text.Json;
using Rm.Host.Options;
using Rm.Training.Loop;

namespace Rm.Host.Experiments;

/// <summary>
/// Runs what is not finished of a sweep on this machine, in order, several at a time. A run that fails does not stop the others; a signal
/// is passed on to all that are running, and none is started after it.
/// </summary>
/// <param name="plan">The sweep.</param>
/// <param name="jobs">Runs at a time.</param>
/// <param name="devices">Devices to deal, or none.</param>
/// <param name="signals">Requests to stop.</param>
internal sealed class SweepRunner(SweepPlan plan, int jobs, IReadOnlyList<string> devices, StopSignals signals)
{
    private const int PollMilliseconds = 100;

    // A terminal sends SIGINT to the runs as well; theirs must come first, because a SIGINT after another signal ends a run without a
    // checkpoint.
    private static readonly TimeSpan TerminalLead = TimeSpan.FromSeconds(0.5);

    private readonly DevicePool _devices = new(devices);
    private readonly Dictionary<string, RunState> _states = new(StringComparer.Ordinal);
    private readonly List<(PlannedRun Run, string? Device, ChildRun Child)> _running = [];

    /// <summary>Runs the selected ones and returns the states of all.</summary>
    public async Task<IReadOnlyDictionary<string, RunState>> RunAsync(IReadOnlyList<PlannedRun> selected)
    {
        var queue = SlurmQueue.Read(plan);
        foreach (PlannedRun run in plan.Runs)
        {
            _states[run.Name] = RunState.Of(run, queue);
        }

        SweepReport.Write(plan, _states);
        var waiting = new Queue<PlannedRun>(selected.Where(NeedsRun));
        bool stopSent = false;
        while (_running.Count > 0 || (waiting.Count > 0 && signals.Received is null))
        {
            while (signals.Received is null && _running.Count < jobs && waiting.TryDequeue(out PlannedRun? next))
            {
                Start(next, selected);
            }

            await Task.WhenAny([.. _running.Select(r => r.Child.Ended), Task.Delay(PollMilliseconds)]).ConfigureAwait(false);
            if (signals.Received is { } signal && !stopSent)
            {
                stopSent = true;
                await PassOnAsync(signal).ConfigureAwait(false);
            }

            await CollectAsync(selected).ConfigureAwait(false);
        }

        return _states;
    }

    private bool NeedsRun(PlannedRun run)
    {
        RunState state = _states[run.Name];
        switch (state.Status)
        {
            case RunStatus.Finished:
                Say($"{run.Name}: finished before; skipped");
                return false;
            case RunStatus.Running or RunStatus.Queued:
                Say($"{run.Name}: {state.Detail}; left alone");
                return false;
            default:
                return true;
        }
    }

    private void Start(PlannedRun run, IReadOnlyList<PlannedRun> selected)
    {
        string? device = _devices.Take();
        try
        {
            bool resumes = File.Exists(run.RunFile);
            _running.Add((run, device, ChildRun.Start(run, Further(run, device))));
            Set(run, new RunState(RunStatus.Running));
            Say($"{Position(run, selected)} {run.Name}: {(resumes ? "resumed" : "started")}{(device is null ? "" : $" on {device}")}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _devices.Return(device);
            Set(run, new RunState(RunStatus.Failed, e.Message));
            Say($"{Position(run, selected)} {run.Name}: {e.Message}");
        }
    }

    // Several runs at a time share the processor; results do not depend on the number of threads.
    private IEnumerable<string> Further(PlannedRun run, string? device)
    {
        if (device is not null)
        {
            yield return $"--device={device}";
        }

        if (jobs > 1 && !run.Sets("threads"))
        {
            yield return $"--threads={Math.Max(1, Environment.ProcessorCount / jobs).ToString(CultureInfo.InvariantCulture)}";
        }
    }

    private async Task PassOnAsync(string signal)
    {
        Say($"{signal}: asking {_running.Count} running {(_running.Count == 1 ? "run" : "runs")} to stop");
        if (signal == "SIGINT")
        {
            await Task.Delay(TerminalLead).ConfigureAwait(false);
        }

        foreach ((_, _, ChildRun child) in _running)
        {
            child.Stop();
        }
    }

    private async Task CollectAsync(IReadOnlyList<PlannedRun> selected)
    {
        foreach ((PlannedRun run, string? device, ChildRun child) in _running.Where(r => r.Child.Ended.IsCompleted).ToArray())
        {
            RunState state = await EndOfAsync(run, child).ConfigureAwait(false);
            _running.RemoveAll(r => r.Run == run);
            _devices.Return(device);
            Say($"{Position(run, selected)} {run.Name}: {Describe(state)} after "
                + $"{child.Elapsed.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture)} s");
            child.Dispose();
            Set(run, state);
        }
    }

    private async Task<RunState> EndOfAsync(PlannedRun run, ChildRun child)
    {
        try
        {
            int code = await child.Ended.ConfigureAwait(false);
            if (code == ExitCodes.Success)
            {
                return File.Exists(run.ResultFile)
                    ? RunState.Of(run, SlurmQueue.Empty)
                    : new RunState(RunStatus.Failed, "ended well without a result.json", code);
            }

            // One that a signal reached before it could listen has lost nothing that it had saved.
            return signals.Received is not null && code > 128
                ? new RunState(RunStatus.Stopped, "stopped", code)
                : RunState.AfterExit(run, code);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new RunState(RunStatus.Failed, e.Message);
        }
    }

    private void Set(PlannedRun run, RunState state)
    {
        _states[run.Name] = state;
        SweepReport.Write(plan, _states);
    }

    private static string Describe(RunState state) =>
        state.Status == RunStatus.Finished && state.Result is { } result
            && result.TryGetProperty("eval_accuracy", out JsonElement accuracy) && accuracy.ValueKind == JsonValueKind.Number
                ? string.Create(CultureInfo.InvariantCulture, $"finished, eval_accuracy {accuracy.GetDouble():0.0000}")
                : state.Status == RunStatus.Finished ? "finished" : state.Detail ?? state.Status.ToString();

    private static string Position(PlannedRun run, IReadOnlyList<PlannedRun> selected) =>
        $"[{selected.TakeWhile(r => r != run).Count() + 1}/{selected.Count}]";

    private static void Say(string message) => Console.Error.WriteLine(message);
}
