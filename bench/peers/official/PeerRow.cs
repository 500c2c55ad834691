using System.Globalization;
using System.Text.Json;
using TorchSharp;

namespace Rm.PeerOfficial;

/// <summary>The line that a run prints, with the fields of peer_train.py's.</summary>
internal static class PeerRow
{
    /// <summary>The line of a scoring run, with the fields of peer_score.py's.</summary>
    public static string Write(PeerShape shape, IReadOnlyList<float[]> rewards, double seconds) => JsonSerializer.Serialize(new
    {
        peer = Libraries(),
        dtype = shape.DType,
        requests = rewards.Count,
        requests_per_second = Math.Round(rewards.Count / seconds, 4),
        rewards,
    });

    /// <summary>One JSON line over the timed steps; losses and gradient norms are those of all steps.</summary>
    public static string Write(PeerShape shape, PeerSettings settings, IReadOnlyList<PeerStep> all, double startup)
    {
        PeerStep[] timed = [.. all.Skip(settings.Warmup)];
        double seconds = timed.Sum(static s => s.Seconds);
        double[] rates = [.. timed.Select(static s => s.Tokens / s.Seconds).Order()];
        return JsonSerializer.Serialize(new
        {
            peer = Libraries(),
            shape = shape.Name,
            device = "cpu",
            threads = torch.get_num_threads(),
            dtype = shape.DType,
            attn = "sdpa",
            compile = false,
            checkpointing = false,
            batch = settings.BatchSize,
            micro = settings.MicroPairs,
            tokens_per_second = Math.Round(timed.Sum(static s => s.Tokens) / seconds, 1),
            median = Math.Round(rates[rates.Length / 2], 1),
            seconds_per_step = Math.Round(seconds / timed.Length, 4),
            peak_memory_gib = Math.Round(PeakGib(), 2),
            startup_seconds = Math.Round(startup, 2),
            losses = all.Select(static s => Math.Round(s.Loss, 6)),
            gradient_norms = all.Select(static s => Math.Round(s.GradientNorm, 6)),
        });
    }

    private static string Libraries()
    {
        string library = Version.Parse(torch.__version__).ToString(3);
        string binding = typeof(torch).Assembly.GetName().Version!.ToString(3);
        return $"libtorch {library} of pytorch.org by TorchSharp {binding}, lora inline";
    }

    // Most resident memory of the process, as getrusage tells it to peer_train.py.
    private static double PeakGib()
    {
        string line = File.ReadLines("/proc/self/status").First(static l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        return double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture) / (1 << 20);
    }
}
