using System.Text.Json;
using Rm.Host.Tests.Training;
using Rm.Kernels.Tensors;

namespace Rm.Host.Tests.EndToEnd;

/// <summary>
/// <c>btrm train --device emulated</c> on a model of two layers: killed and resumed, with and without shared prefixes, in too little
/// memory.
/// </summary>
[Collection("CUDA device")]
public sealed class EmulatedRunTests : IDisposable
{
    private readonly ScratchFolder _scratch = new();

    public EmulatedRunTests()
    {
        EmulatedDevice.Open(DType.BF16).Dispose();
        _scratch.Write("train.jsonl", IdRows.Random(5, vocabulary: 512, maxLength: 16, seed: 1));
    }

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void Killed_and_resumed_it_gives_the_bits_of_an_uninterrupted_run()
    {
        Btrm.Succeed(Arguments("reference"));
        bool killed = false;
        for (int round = 0; !killed; round++)
        {
            string output = $"run-{round}";
            using BtrmProcess process = Btrm.Start(Arguments(output));
            if (process.WaitFor(() => Directory.Exists(Path.Combine(_scratch[output], "checkpoints", "step-2"))))
            {
                process.Signal(BtrmProcess.SigKill);
            }

            killed = process.Wait().ExitCode == 128 + BtrmProcess.SigKill;

            // Another way to the same bits is allowed: recomputation changes none.
            CommandResult resumed = Btrm.Succeed([.. Arguments(output), "--resume", "auto", "--recompute", "full"]);
            Assert.Contains("memory plan: recompute full,", resumed.Error, StringComparison.Ordinal);
            Assert.Equal(Adapter("reference"), Adapter(output));
            Assert.Equal(Losses("reference"), Losses(output));
        }
    }

    [Fact]
    public void Prefix_sharing_changes_losses_by_rounding_alone()
    {
        Btrm.Succeed(Arguments("shared"));
        Btrm.Succeed([.. Arguments("apart"), "--no-prefix-sharing"]);
        double[] shared = Losses("shared"), apart = Losses("apart");
        Assert.NotEqual(shared, apart);

        // A loss changes no more than its rewards do; those are about 2, where bfloat16's numbers are 1/64 apart.
        Assert.All(shared.Zip(apart), pair => Assert.InRange(pair.Second, pair.First - 0.01, pair.First + 0.01));
    }

    [Fact]
    public void Memory_decides_what_is_recomputed_and_whether_a_run_begins()
    {
        using var memory = new EmulatedMemory();

        // 256 MiB and a hundredth are in reserve; the run itself takes half a megabyte.
        memory.SetFree(256L << 20);
        CommandResult refusal = Btrm.Fail(2, [.. Arguments("none")], "does not fit", "smaller model");
        Assert.False(File.Exists(Path.Combine(_scratch["none"], "run.json")), refusal.Error);

        memory.SetFree(2_000_000_000);
        CommandResult run = Btrm.Succeed(Arguments("out", steps: 1));
        Assert.Contains("memory plan: recompute none (auto: the cheapest that fits)", run.Error, StringComparison.Ordinal);
        JsonElement plan =
            JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_scratch["out"], "run.json"))).RootElement.GetProperty("memory_plan");
        Assert.Equal("none", plan.GetProperty("recompute").GetString());
        Assert.Equal(2_000_000_000, plan.GetProperty("free_bytes").GetInt64());
        Assert.True(plan.GetProperty("kept_bytes").GetInt64() > 0);
    }

    private string[] Arguments(string output, int steps = 4) =>
    [
        "train", "--device", "emulated", "--model", new GoldenCase("qwen2-tiny").ModelFolderPath, "--train-file", _scratch["train.jsonl"],
        "--output-dir", _scratch[output], "--lora", "--lora-rank", "4", "--steps", $"{steps}", "--batch-size", "2",
        "--micro-token-budget", "24", "--lr", "2e-3", "--save-every", "1", "--log-every", "1",
    ];

    private byte[] Adapter(string output) => File.ReadAllBytes(Path.Combine(_scratch[output], "final", "adapter_model.safetensors"));

    private double[] Losses(string output) =>
    [
        .. File.ReadLines(Path.Combine(_scratch[output], "metrics.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)
            .Where(line => line.TryGetProperty("loss", out _)).Select(line => line.GetProperty("loss").GetDouble()),
    ];
}
