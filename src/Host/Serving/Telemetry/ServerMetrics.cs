using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Rm.Host.Serving.Telemetry;

/// <summary>Figures of a server in Prometheus' text form. Safe to use from several threads.</summary>
internal sealed class ServerMetrics
{
    private static readonly double[] Seconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
    private static readonly double[] Sizes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
    private static readonly double[] Tokens = [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536];

    private readonly ConcurrentDictionary<(string Path, int Status), long> _requests = new();
    private readonly Histogram _latency = new(Seconds);
    private readonly Histogram _batchSequences = new(Sizes);
    private readonly Histogram _batchTokens = new(Tokens);
    private readonly Histogram _batchSeconds = new(Seconds);
    private long _askedTokens;
    private long _computedTokens;
    private long _refused;
    private long _cancelled;
    private long _largestQueue;
    private long _inFlight;

    /// <summary>Requests being answered.</summary>
    public long InFlight => Interlocked.Read(ref _inFlight);

    /// <summary>A request begins.</summary>
    public void Begin() => Interlocked.Increment(ref _inFlight);

    /// <summary>A request ends. <paramref name="path"/> is a known one, or "other": texts of clients are not kept.</summary>
    public void End(string path, int status, double seconds)
    {
        Interlocked.Decrement(ref _inFlight);
        _requests.AddOrUpdate((path, status), 1, static (_, count) => count + 1);
        _latency.Observe(seconds);
    }

    /// <summary>A request was told to come back.</summary>
    public void CountRefusedForQueue() => Interlocked.Increment(ref _refused);

    /// <summary>A client went away or ran out of time.</summary>
    public void CountCancelled() => Interlocked.Increment(ref _cancelled);

    /// <summary>Tokens wait.</summary>
    public void ObserveQueue(long tokens)
    {
        for (long seen = Interlocked.Read(ref _largestQueue); tokens > seen;)
        {
            long before = Interlocked.CompareExchange(ref _largestQueue, tokens, seen);
            seen = before == seen ? tokens : before;
        }
    }

    /// <summary>A micro-batch was computed.</summary>
    /// <param name="computed">Packed tokens.</param>
    /// <param name="asked">Tokens of the sequences it answered.</param>
    /// <param name="sequences">Sequences.</param>
    /// <param name="seconds">Time.</param>
    public void ObserveBatch(long computed, long asked, int sequences, double seconds)
    {
        Interlocked.Add(ref _computedTokens, computed);
        Interlocked.Add(ref _askedTokens, asked);
        _batchSequences.Observe(sequences);
        _batchTokens.Observe(computed);
        _batchSeconds.Observe(seconds);
    }

    /// <summary>The text.</summary>
    /// <param name="queueTokens">Tokens that wait now.</param>
    /// <param name="freeDeviceBytes">Free memory of the device.</param>
    public string ToText(long queueTokens, long freeDeviceBytes)
    {
        var text = new StringBuilder();
        Head(text, "btrm_requests_total", "counter", "Requests answered, by path and status.");
        foreach (((string path, int status), long count) in
            _requests.OrderBy(r => r.Key.Path, StringComparer.Ordinal).ThenBy(r => r.Key.Status))
        {
            text.Append(CultureInfo.InvariantCulture, $"btrm_requests_total{{path=\"{path}\",status=\"{status}\"}} {count}\n");
        }

        One(text, "btrm_requests_in_flight", "gauge", "Requests being answered.", InFlight);
        One(text, "btrm_requests_refused_for_queue_total", "counter", "Requests answered with 429.", Interlocked.Read(ref _refused));
        One(
            text, "btrm_requests_cancelled_total", "counter", "Requests whose client went away or that ran out of time.",
            Interlocked.Read(ref _cancelled));
        _latency.Write(text, "btrm_request_seconds", "From the first byte of a request's headers to its answer.");
        One(text, "btrm_tokens_total", "counter", "Tokens of the texts that were scored.", Interlocked.Read(ref _askedTokens));
        One(
            text, "btrm_computed_tokens_total", "counter", "Tokens computed for them: shared beginnings and equal texts once.",
            Interlocked.Read(ref _computedTokens));
        One(text, "btrm_queue_tokens", "gauge", "Tokens that wait.", queueTokens);
        One(text, "btrm_queue_tokens_largest", "gauge", "The most that have waited.", Interlocked.Read(ref _largestQueue));
        _batchSequences.Write(text, "btrm_batch_sequences", "Sequences of a micro-batch.");
        _batchTokens.Write(text, "btrm_batch_tokens", "Packed tokens of a micro-batch.");
        _batchSeconds.Write(text, "btrm_batch_seconds", "Time of a micro-batch.");
        One(text, "btrm_device_free_bytes", "gauge", "Free memory of the device that computes.", freeDeviceBytes);
        One(text, "process_resident_memory_bytes", "gauge", "Memory of the process.", Environment.WorkingSet);
        return text.ToString();
    }

    private static void One(StringBuilder text, string name, string type, string help, long value)
    {
        Head(text, name, type, help);
        text.Append(CultureInfo.InvariantCulture, $"{name} {value}\n");
    }

    private static void Head(StringBuilder text, string name, string type, string help) =>
        text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");

    private sealed class Histogram(double[] bounds)
    {
        private readonly Lock _lock = new();
        private readonly long[] _counts = new long[bounds.Length + 1];
        private double _sum;

        public void Observe(double value)
        {
            int bucket = Array.FindIndex(bounds, bound => value <= bound);
            lock (_lock)
            {
                _counts[bucket < 0 ? bounds.Length : bucket]++;
                _sum += value;
            }
        }

        public void Write(StringBuilder text, string name, string help)
        {
            Head(text, name, "histogram", help);
            lock (_lock)
            {
                long below = 0;
                for (int i = 0; i <= bounds.Length; i++)
                {
                    below += _counts[i];
                    string bound = i < bounds.Length ? bounds[i].ToString(CultureInfo.InvariantCulture) : "+Inf";
                    text.Append(CultureInfo.InvariantCulture, $"{name}_bucket{{le=\"{bound}\"}} {below}\n");
                }

                text.Append(CultureInfo.InvariantCulture, $"{name}_sum {_sum}\n{name}_count {below}\n");
            }
        }
    }
}
