using System.Text.Json;
using Rm.Kernels.Cuda;

namespace Rm.Host.Reporting;

/// <summary>
/// Reads a GPU's sensors on a thread of its own, and gives mean and largest value of each since it was asked last: <c>gpu_*</c> fields of
/// metrics.jsonl. Percent, GiB, watts, degrees Celsius and MHz.
/// </summary>
internal sealed class GpuSampler : IDisposable
{
    /// <summary>Twice as often as the fastest cards renew their load.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private static readonly (string Name, Func<GpuReading, double?> Value)[] Quantities =
    [
        ("gpu_utilization", static reading => reading.Utilization),
        ("gpu_memory_utilization", static reading => reading.MemoryUtilization),
        ("gpu_memory_gib", static reading => reading.MemoryUsed / (double)(1L << 30)),
        ("gpu_power_watts", static reading => reading.Power),
        ("gpu_temperature", static reading => reading.Temperature),
        ("gpu_sm_clock_mhz", static reading => reading.SmClock),
        ("gpu_memory_clock_mhz", static reading => reading.MemoryClock),
    ];

    private readonly Func<GpuReading> _read;
    private readonly IDisposable? _source;
    private readonly Lock _gate = new();
    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread _thread;
    private readonly Window[] _windows = new Window[Quantities.Length];
    private int _samples;

    /// <summary>Starts reading.</summary>
    /// <param name="read">One reading; called on the sampler's thread and on the caller's, never at once.</param>
    /// <param name="source">Disposed with the sampler; null for nothing.</param>
    public GpuSampler(Func<GpuReading> read, IDisposable? source = null)
    {
        _read = read;
        _source = source;
        _thread = new Thread(Run) { IsBackground = true, Name = "GPU sampler" };
        _thread.Start();
    }

    /// <summary>Writes <c>gpu_samples</c> and <c>gpu_X_mean</c>, <c>gpu_X_max</c> of all that the card tells, and begins anew.</summary>
    public void WriteFields(Utf8JsonWriter line)
    {
        lock (_gate)
        {
            // Steps can be shorter than the interval, and a line without figures helps nobody.
            if (_samples == 0)
            {
                Sample();
            }

            line.WriteNumber("gpu_samples", _samples);
            for (int i = 0; i < Quantities.Length; i++)
            {
                if (_windows[i].Count > 0)
                {
                    line.WriteNumber(Quantities[i].Name + "_mean", Math.Round(_windows[i].Sum / _windows[i].Count, 3));
                    line.WriteNumber(Quantities[i].Name + "_max", Math.Round(_windows[i].Max, 3));
                }
            }

            Array.Clear(_windows);
            _samples = 0;
        }
    }

    public void Dispose()
    {
        _stop.Set();
        _thread.Join();
        _stop.Dispose();
        _source?.Dispose();
    }

    private void Run()
    {
        do
        {
            lock (_gate)
            {
                Sample();
            }
        }
        while (!_stop.Wait(Interval));
    }

    private void Sample()
    {
        GpuReading reading = _read();
        for (int i = 0; i < Quantities.Length; i++)
        {
            if (Quantities[i].Value(reading) is { } value)
            {
                Window before = _windows[i];
                _windows[i] = new Window(before.Count + 1, before.Sum + value, before.Count == 0 ? value : Math.Max(before.Max, value));
            }
        }

        _samples++;
    }

    private readonly record struct Window(int Count, double Sum, double Max);
}
