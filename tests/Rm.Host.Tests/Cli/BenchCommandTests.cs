using System.Text.Json;
using Rm.Formats.Datasets;
using Rm.Formats.Rendering;
using Rm.Host.Reporting;
using Rm.Host.Tests.EndToEnd;
using Rm.Kernels.Tensors;
using Rm.Training.Model;

namespace Rm.Host.Tests.Cli;

/// <summary><c>btrm bench</c> on every kind of device through the same code, and how it counts.</summary>
[Collection("CUDA device")]
public sealed class BenchCommandTests
{
    [Theory]
    [InlineData("cpu")]
    [InlineData("emulated")]
    public void Bench_reports_rates_memory_and_a_breakdown(string device)
    {
        EmulatedDevice.Open(DType.BF16).Dispose();
        Assert.SkipUnless(Rm.Kernels.Cuda.CudaDevices.IsEmulated, "needs the emulator");
        CommandResult result = Btrm.Succeed(
            "bench", "--device", device, "--shape", "tiny", "--steps", "1", "--warmup", "0", "--batch-size", "1", "--breakdown",
            "--recompute", "none");
        JsonElement report = JsonDocument.Parse(result.Output).RootElement;
        foreach (string name in new[] { "tokens_per_second", "packed_tokens_per_second", "seconds_per_step", "tflops", "startup_seconds" })
        {
            Assert.True(report.GetProperty(name).GetDouble() > 0, name);
        }

        Assert.Equal(report.GetProperty("seconds_per_step_min").GetDouble(), report.GetProperty("seconds_per_step_max").GetDouble());
        Assert.Equal("none", report.GetProperty("recompute").GetString());
        Assert.Equal(JsonValueKind.Null, report.GetProperty("share_of_peak").ValueKind);
        Assert.Equal(device != "cpu", report.GetProperty("device_memory_gib").ValueKind == JsonValueKind.Number);
        var breakdown = report.GetProperty("breakdown").EnumerateArray()
            .ToDictionary(static row => row.GetProperty("operation").GetString()!);

        // Six layers: five with a fused q, k and v, the last with two products instead.
        Assert.Equal((5 * 4) + 5, breakdown["LinearForward"].GetProperty("calls").GetInt32());
        Assert.Equal(6, breakdown["AttentionBackward"].GetProperty("calls").GetInt32());
        Assert.Equal(1, breakdown["AdamW"].GetProperty("calls").GetInt32());
        double seconds = report.GetProperty("breakdown_seconds").GetDouble();
        double sum = breakdown.Values.Sum(static row => row.GetProperty("seconds").GetDouble());
        Assert.InRange(sum, 0, seconds);
        Assert.True(sum > 0);
        Assert.Contains("LinearForward", result.Error, StringComparison.Ordinal);
        Assert.Contains("between operations", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--batch-size", "0")]
    [InlineData("--steps", "0")]
    [InlineData("--lengths", "long")]
    [InlineData("--profile-steps", "0:1")]
    public void Values_that_make_no_sense_are_refused(string option, string value) =>
        Btrm.Fail(2, ["bench", "--shape", "tiny", "--device", "cpu", $"{option}={value}"], option);

    [Fact]
    public void Operations_are_counted_as_the_layers_run()
    {
        // Two layers of two heads of four; q, o 8 x 8, k, v 4 x 8, gate, up and down 16 x 8.
        ModelConfig config =
            ModelShapes.Get("tiny") with { HiddenSize = 8, Layers = 2, Heads = 2, KvHeads = 1, HeadDim = 4, IntermediateSize = 16 };
        var pair = PreferencePair.FromIds([1, 2, 3, 4], [1, 2, 5], 0);
        const int Qkv = 64 + 32 + 32, Rest = 64 + (3 * 128), Tokens = 5, Rewards = 2;
        var shared = StepFlops.Of(config, [pair], sharePrefix: true, trainsEverything: false);
        double linear = (Tokens * ((2.0 * Qkv) + (4 * Rest))) + (4.0 * Tokens * 64) + (4.0 * Rewards * (64 + Rest));
        Assert.Equal(linear, shared.Linear);

        // Prefix of two: 3 pairs; tails of two and one on top of it: 2 x 2 + 3 and 2 + 1. The last layer's two queries see 4 and 3 tokens.
        Assert.Equal(14 * 8 * (3 + 7 + 3 + 4 + 3), shared.Attention);
        var alone = StepFlops.Of(config, [pair], sharePrefix: false, trainsEverything: true);
        Assert.Equal(6.0 * ((7 * (Qkv + Rest)) + (7 * 64) + (Rewards * (64 + Rest))), alone.Linear);
        Assert.Equal(14 * 8 * (10 + 6 + 4 + 3), alone.Attention);
    }

    [Fact]
    public void Random_pairs_have_the_lengths_they_are_named_after()
    {
        PreferencePair[] hh = [.. BenchPairs.Create(1000, BenchLengths.Hh).Take(500)],
            shp = [.. BenchPairs.Create(1000, BenchLengths.Shp).Take(500)];
        Assert.All(hh, static pair => Assert.InRange(pair.Chosen.Length, 50, 340));
        Assert.All(shp, static pair => Assert.InRange(pair.Chosen.Length, 8, 1536));
        Assert.InRange(shp.Select(static pair => pair.PrefixLength).Order().ElementAt(250), 150, 260);
        Assert.True(shp.Max(static pair => pair.Chosen.Length) > 2 * hh.Max(static pair => pair.Chosen.Length));
        Assert.Equal(shp[7].Chosen, BenchPairs.Create(1000, BenchLengths.Shp).ElementAt(7).Chosen);
    }

    [Fact]
    public void Rows_of_which_none_is_a_pair_are_named()
    {
        using var scratch = new ScratchFolder();
        string file = scratch.Write("same.jsonl", """{"chosen_ids":[1,2],"rejected_ids":[1,2]}""" + "\n");
        Btrm.Fail(2, ["bench", "--shape", "tiny", "--device", "cpu", "--data", file], "same.jsonl", "no pair is left for the benchmark");
    }
}
