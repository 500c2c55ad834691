using System.Globalization;
using System.Text;
using System.Text.Json;
using Rm.Formats;
using Rm.Kernels.Checks;

namespace Rm.Host.Reporting;

/// <summary>One timed step.</summary>
/// <param name="Seconds">Wall time, the device's work included.</param>
/// <param name="Tokens">Tokens of both full sequences of every pair: what a trainer without prefix sharing computes.</param>
/// <param name="PackedTokens">Tokens computed.</param>
/// <param name="Flops">Operations needed.</param>
internal sealed record BenchStep(double Seconds, long Tokens, long PackedTokens, StepFlops Flops);

/// <summary>What was measured, and on what.</summary>
internal sealed record BenchSetup
{
    public required string Shape { get; init; }

    public required string Device { get; init; }

    public required int Batch { get; init; }

    public required int MicroTokenBudget { get; init; }

    public required int LoraRank { get; init; }

    public required string Recompute { get; init; }

    public required string Lengths { get; init; }

    public required bool SharePrefix { get; init; }

    public required int Warmup { get; init; }

    /// <summary>FLOP/s of the card's data sheet, or null.</summary>
    public required double? Peak { get; init; }
}

/// <summary>Figures of a benchmark.</summary>
/// <param name="Setup">What was measured.</param>
/// <param name="Steps">The timed steps.</param>
/// <param name="StartupSeconds">Process start to first step.</param>
/// <param name="HostPeakBytes">Most memory of the process.</param>
/// <param name="DevicePeakBytes">Most memory taken from the GPU, or null without one.</param>
/// <param name="Breakdown">Time by operation over the steps that were run for it, or null.</param>
/// <param name="BreakdownSeconds">Wall time of those steps.</param>
internal sealed record BenchReport(
    BenchSetup Setup, IReadOnlyList<BenchStep> Steps, double StartupSeconds, long HostPeakBytes, long? DevicePeakBytes,
    IReadOnlyList<OperationTime>? Breakdown, double BreakdownSeconds)
{
    private double Seconds => Steps.Sum(static s => s.Seconds);

    private double Linear => Steps.Sum(static s => s.Flops.Linear) / Seconds;

    private double Attention => Steps.Sum(static s => s.Flops.Attention) / Seconds;

    private double PackedShare => (double)Steps.Sum(static s => s.PackedTokens) / Steps.Sum(static s => s.Tokens);

    /// <summary>One JSON line. Times are seconds, memory GiB, rates a second; null for what this device does not have.</summary>
    public string ToJson()
    {
        using var buffer = new MemoryStream();
        using (var w = new Utf8JsonWriter(buffer))
        {
            w.WriteStartObject();
            w.WriteString("btrm", BtrmVersion.Text);
            w.WriteString("shape", Setup.Shape);
            w.WriteString("device", Setup.Device);
            w.WriteNumber("batch", Setup.Batch);
            w.WriteNumber("micro_token_budget", Setup.MicroTokenBudget);
            w.WriteNumber("lora_rank", Setup.LoraRank);
            w.WriteString("recompute", Setup.Recompute);
            w.WriteString("lengths", Setup.Lengths);
            w.WriteBoolean("prefix_sharing", Setup.SharePrefix);
            w.WriteNumber("warmup", Setup.Warmup);
            w.WriteNumber("steps", Steps.Count);
            w.WriteNumber("tokens_per_second", Math.Round(Steps.Sum(static s => s.Tokens) / Seconds, 1));
            WriteSpread(w, "tokens_per_second", Steps.Select(static s => s.Tokens / s.Seconds), 1);
            w.WriteNumber("median", Math.Round(Median(Steps.Select(static s => s.Tokens / s.Seconds)), 1));
            w.WriteNumber("packed_tokens_per_second", Math.Round(Steps.Sum(static s => s.PackedTokens) / Seconds, 1));
            w.WriteNumber("seconds_per_step", Math.Round(Seconds / Steps.Count, 4));
            WriteSpread(w, "seconds_per_step", Steps.Select(static s => s.Seconds), 5);
            w.WriteNumber("packed_tokens_per_step", Math.Round(Steps.Average(static s => (double)s.PackedTokens), 1));
            w.WriteNumber("packed_share", Math.Round(PackedShare, 4));
            w.WriteNumber("tflops", Math.Round((Linear + Attention) / 1e12, 4));
            w.WriteNumber("linear_gflops", Math.Round(Linear / 1e9, 1));
            w.WriteNumber("attention_gflops", Math.Round(Attention / 1e9, 1));
            WriteOrNull(w, "peak_tflops", Setup.Peak / 1e12, 1);
            WriteOrNull(w, "share_of_peak", (Linear + Attention) / Setup.Peak, 4);
            w.WriteNumber("peak_memory_gib", Math.Round(Gib(HostPeakBytes), 2));
            WriteOrNull(w, "device_memory_gib", DevicePeakBytes is { } bytes ? Gib(bytes) : null, 3);
            w.WriteNumber("startup_seconds", Math.Round(StartupSeconds, 2));
            WriteBreakdown(w);
            w.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    /// <summary>The same for people.</summary>
    public void WriteTable(TextWriter output)
    {
        double[] rates = [.. Steps.Select(static s => s.Tokens / s.Seconds)];
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Setup.Shape}, {Setup.Device}; batches of {Setup.Batch} pairs, "
            + $"{Steps.Average(static s => (double)s.PackedTokens):F0} packed tokens a step"));
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"tokens/s     {Steps.Sum(static s => s.Tokens) / Seconds,12:F1}  (steps: {rates.Min():F1} min, "
            + $"{Median(rates):F1} median, {rates.Max():F1} max)"));
        output.WriteLine(
            Invariant($"packed       {Steps.Sum(static s => s.PackedTokens) / Seconds,12:F1}  tokens/s computed, {PackedShare:P0} of all"));
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"s/step       {Seconds / Steps.Count,12:F4}  (steps: {Steps.Min(static s => s.Seconds):F4} min, "
            + $"{Median(Steps.Select(static s => s.Seconds)):F4} median, {Steps.Max(static s => s.Seconds):F4} max)"));
        output.WriteLine(
            Invariant($"TFLOP/s      {(Linear + Attention) / 1e12,12:F3}  linear {Linear / 1e12:F3}, attention {Attention / 1e12:F3}")
            + (Setup.Peak is { } peak ? Invariant($"; {(Linear + Attention) / peak:P1} of {peak / 1e12:F0}") : ""));
        output.WriteLine(Invariant($"memory, GiB  {(DevicePeakBytes is { } device ? Gib(device) : Gib(HostPeakBytes)),12:F2}")
            + (DevicePeakBytes is null ? "" : Invariant($"  on the device; host {Gib(HostPeakBytes):F2}")));
        output.WriteLine(Invariant($"start-up, s  {StartupSeconds,12:F2}"));
        if (Breakdown is { } times)
        {
            output.WriteLine();
            output.WriteLine($"{"operation",-20} {"calls",8} {"ms",10} {"share",8}");
            foreach (OperationTime time in times)
            {
                output.WriteLine(
                    Invariant($"{time.Operation,-20} {time.Calls,8} {time.Seconds * 1e3,10:F3} {time.Seconds / BreakdownSeconds,8:P1}"));
            }

            double rest = BreakdownSeconds - times.Sum(static t => t.Seconds);
            output.WriteLine(Invariant($"{"between operations",-20} {"",8} {rest * 1e3,10:F3} {rest / BreakdownSeconds,8:P1}"));
        }
    }

    private void WriteBreakdown(Utf8JsonWriter w)
    {
        if (Breakdown is null)
        {
            w.WriteNull("breakdown");
            return;
        }

        w.WriteNumber("breakdown_seconds", Math.Round(BreakdownSeconds, 6));
        w.WriteStartArray("breakdown");
        foreach (OperationTime time in Breakdown)
        {
            w.WriteStartObject();
            w.WriteString("operation", time.Operation);
            w.WriteNumber("calls", time.Calls);
            w.WriteNumber("seconds", Math.Round(time.Seconds, 7));
            w.WriteNumber("share", Math.Round(time.Seconds / BreakdownSeconds, 4));
            w.WriteEndObject();
        }

        w.WriteEndArray();
    }

    private static void WriteSpread(Utf8JsonWriter w, string name, IEnumerable<double> values, int digits)
    {
        double[] sorted = [.. values.Order()];
        w.WriteNumber(name + "_min", Math.Round(sorted[0], digits));
        w.WriteNumber(name + "_median", Math.Round(Median(sorted), digits));
        w.WriteNumber(name + "_max", Math.Round(sorted[^1], digits));
    }

    private static void WriteOrNull(Utf8JsonWriter w, string name, double? value, int digits)
    {
        if (value is { } number)
        {
            w.WriteNumber(name, Math.Round(number, digits));
        }
        else
        {
            w.WriteNull(name);
        }
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }

    private static double Gib(long bytes) => bytes / (double)(1L << 30);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
