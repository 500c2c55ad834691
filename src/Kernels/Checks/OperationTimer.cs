using System.Diagnostics;
using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;

namespace Rm.Kernels.Checks;

/// <summary>Time of one operation over what was observed.</summary>
/// <param name="Operation">Method of <see cref="IBackend"/>.</param>
/// <param name="Calls">How often it was asked for.</param>
/// <param name="Seconds">Device time of all calls together; on the CPU, the calls' own time.</param>
public sealed record OperationTime(string Operation, int Calls, double Seconds);

/// <summary>
/// Adds up the device time of each operation: on a GPU by events around every call, which queue no work and do not wait, elsewhere by the
/// clock. Only while <see cref="IsOn"/>; a call costs a test otherwise.
/// </summary>
/// <param name="backend">The device itself, not the wrapper that this observes.</param>
public sealed class OperationTimer(IBackend backend) : IOperationObserver, IDisposable
{
    private readonly CudaBackend? _gpu = backend as CudaBackend;
    private readonly List<(string Operation, CudaEvent Start, CudaEvent End)> _pending = [];
    private readonly Stack<CudaEvent> _idle = new();
    private readonly Dictionary<string, OperationTime> _times = new(StringComparer.Ordinal);
    private CudaEvent? _start;
    private long _clock;

    /// <summary>Whether operations are timed.</summary>
    public bool IsOn { get; set; }

    /// <inheritdoc/>
    public void Begin(string operation)
    {
        if (!IsOn)
        {
            return;
        }

        if (_gpu is null)
        {
            _clock = Stopwatch.GetTimestamp();
            return;
        }

        _start = Event();
        _start.Record(_gpu.Session.Stream);
    }

    /// <inheritdoc/>
    public void End(string operation)
    {
        if (!IsOn)
        {
            return;
        }

        if (_gpu is null)
        {
            Add(operation, Stopwatch.GetElapsedTime(_clock).TotalSeconds);
            return;
        }

        CudaEvent end = Event();
        end.Record(_gpu.Session.Stream);
        _pending.Add((operation, _start!, end));
    }

    /// <summary>Waits for the device and returns what was observed so far, the longest first.</summary>
    public IReadOnlyList<OperationTime> Read()
    {
        backend.Synchronize();
        foreach ((string operation, CudaEvent start, CudaEvent end) in _pending)
        {
            Add(operation, CudaEvent.Seconds(start, end));
            _idle.Push(start);
            _idle.Push(end);
        }

        _pending.Clear();
        return [.. _times.Values.OrderByDescending(static time => time.Seconds)];
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (CudaEvent one in _idle.Concat(_pending.SelectMany(static p => new[] { p.Start, p.End })))
        {
            one.Dispose();
        }

        _idle.Clear();
        _pending.Clear();
    }

    private CudaEvent Event() => _idle.TryPop(out CudaEvent? idle) ? idle : new CudaEvent(_gpu!.Session.Device, timing: true);

    private void Add(string operation, double seconds)
    {
        OperationTime before = _times.GetValueOrDefault(operation) ?? new OperationTime(operation, 0, 0);
        _times[operation] = before with { Calls = before.Calls + 1, Seconds = before.Seconds + seconds };
    }
}
