using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Rm.Host.Model;
using Rm.Host.Training;

namespace Rm.Host.Reporting;

/// <summary>
/// Figures of a benchmark. Tokens are counted as trainers without prefix sharing count them: both full sequences of every pair.
/// </summary>
/// <param name="Shape">Name of the shape or model.</param>
/// <param name="Device">Device.</param>
/// <param name="Config">Architecture.</param>
/// <param name="Options">Settings.</param>
/// <param name="Seconds">Seconds of each timed step.</param>
/// <param name="Tokens">Tokens of each timed step.</param>
/// <param name="PackedTokens">Tokens computed in each timed step.</param>
/// <param name="StartupSeconds">Process start to first step.</param>
internal sealed record BenchReport(
    string Shape, string Device, ModelConfig Config, TrainingOptions Options, IReadOnlyList<double> Seconds, IReadOnlyList<long> Tokens,
    IReadOnlyList<long> PackedTokens, double StartupSeconds)
{
    private double TokensPerSecond => Tokens.Sum() / Seconds.Sum();

    private double MedianTokensPerSecond => Tokens.Zip(Seconds, (t, s) => t / s).Order().ElementAt(Seconds.Count / 2);

    // Linear layers only: 2 FLOPs per weight and token forward, 2 for the gradient of the input.
    private double LinearGigaflops =>
        WeightNames.Modules.Sum(m => (double)Config.Sizes(m).Out * Config.Sizes(m).In) * Config.Layers * 4 * PackedTokens.Sum() / Seconds.Sum() / 1e9;

    private static double PeakMemoryGib => Process.GetCurrentProcess().PeakWorkingSet64 / (double)(1L << 30);

    /// <summary>One JSON line.</summary>
    public string ToJson()
    {
        using var buffer = new MemoryStream();
        using (var w = new Utf8JsonWriter(buffer))
        {
            w.WriteStartObject();
            w.WriteString("btrm", BtrmVersion.Text);
            w.WriteString("shape", Shape);
            w.WriteString("device", Device);
            w.WriteNumber("batch", Options.BatchSize);
            w.WriteNumber("micro_token_budget", Options.MicroTokenBudget);
            w.WriteBoolean("prefix_sharing", Options.SharePrefix);
            w.WriteNumber("steps", Seconds.Count);
            w.WriteNumber("tokens_per_second", Math.Round(TokensPerSecond, 1));
            w.WriteNumber("median", Math.Round(MedianTokensPerSecond, 1));
            w.WriteNumber("seconds_per_step", Math.Round(Seconds.Average(), 4));
            w.WriteNumber("packed_share", Math.Round((double)PackedTokens.Sum() / Tokens.Sum(), 4));
            w.WriteNumber("linear_gflops", Math.Round(LinearGigaflops, 1));
            w.WriteNumber("peak_memory_gib", Math.Round(PeakMemoryGib, 2));
            w.WriteNumber("startup_seconds", Math.Round(StartupSeconds, 2));
            w.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    /// <summary>The same for people.</summary>
    public void WriteTable(TextWriter output)
    {
        output.WriteLine($"{"tokens/s",14} {"median",10} {"s/step",9} {"GFLOP/s",9} {"packed",8} {"memory",9} {"start-up",9}");
        output.WriteLine(
            $"{TokensPerSecond,14:F1} {MedianTokensPerSecond,10:F1} {Seconds.Average(),9:F3} {LinearGigaflops,9:F1} {(double)PackedTokens.Sum() / Tokens.Sum(),8:P0} {PeakMemoryGib,5:F2} GiB {StartupSeconds,7:F2} s");
    }
}
