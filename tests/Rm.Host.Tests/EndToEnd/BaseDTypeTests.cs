using System.Text.Json;
using Rm.Host.Tests.Training;
using Rm.Kernels.Cpu;
using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Training.Artifacts;
using Rm.Training.Batching;
using Rm.Training.LowBit;
using Rm.Training.Memory;
using Rm.Training.Model;

namespace Rm.Host.Tests.EndToEnd;

/// <summary><c>--base-dtype</c>: training and scoring over a base whose frozen matrices are quantised when they are loaded.</summary>
[Collection("CUDA device")]
public sealed class BaseDTypeTests : IDisposable
{
    private readonly ScratchFolder _scratch = new();
    private readonly GoldenCase _golden = new("qwen3-tiny");

    public static TheoryData<string> Types => [.. BaseDTypes.ByName.Keys];

    public static TheoryData<string> LowBitTypes => [.. BaseDTypes.ByName.Keys.Where(name => name != "bf16")];

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [MemberData(nameof(Types))]
    public void An_adapter_is_trained_and_scored_over_the_same_base(string type)
    {
        Write();
        Btrm.Succeed([.. Arguments("run"), "--base-dtype", type]);
        string adapter = Path.Combine(_scratch["run"], "final");
        JsonElement artifact = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(adapter, "btrm.json"))).RootElement;
        Assert.Equal(type, artifact.GetProperty("base_dtype").GetString());
        string[] score =
            ["eval", "--device", "cpu", "--model", _golden.ModelFolderPath, "--adapter", adapter, "--eval-file", _scratch["train.jsonl"]];
        CommandResult told = Btrm.Succeed([.. score, "--save-rows", _scratch["told.jsonl"], "--base-dtype", type]);
        CommandResult known = Btrm.Succeed([.. score, "--save-rows", _scratch["known.jsonl"]]);
        Assert.Contains($"was trained over a base in {type}", known.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("was trained over", told.Error, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllText(_scratch["told.jsonl"]), File.ReadAllText(_scratch["known.jsonl"]));
    }

    [Fact]
    public void A_run_is_resumed_over_the_same_base_only()
    {
        Write();
        Btrm.Succeed([.. Arguments("run"), "--base-dtype", "int8"]);
        Btrm.Fail(2, [.. Arguments("run"), "--resume", "auto", "--base-dtype", "nf4"], "--base-dtype: was int8, is nf4");
    }

    [Fact]
    public void What_cannot_be_quantised_is_refused_by_name()
    {
        Write();
        string[] lora = Arguments("run"), all = [.. lora.TakeWhile(a => a != "--lora"), .. lora.SkipWhile(a => a != "--steps")];
        Btrm.Fail(2, [.. all, "--base-dtype", "nf4"], "--base-dtype is about frozen matrices");
        Btrm.Fail(2, [.. Arguments("run"), "--base-dtype", "int4"], "--base-dtype 'int4' is not known");
        string packed = new ModelGoldenCase("lowbit-nf4").ModelPath;
        string rows = _scratch.Write("few.jsonl", """{"chosen_ids": [1, 2, 3], "rejected_ids": [1, 2, 4]}""" + "\n");
        Btrm.Fail(
            2, ["eval", "--device", "cpu", "--model", packed, "--eval-file", rows, "--base-dtype", "fp8"], "stored in few bits already");
        Btrm.Fail(2, ["plan", "--shape", "tiny", "--lora-rank", "0", "--base-dtype", "fp8"], "--base-dtype is about frozen matrices");
    }

    [Theory]
    [MemberData(nameof(LowBitTypes))]
    public void On_the_emulated_device_matrices_stay_in_few_bits_and_rewards_are_those_of_the_CPU(string name)
    {
        BaseDType type = BaseDTypes.ByName[name];
        var source = ModelSource.Open(_golden.ModelFolderPath, type);
        using CudaBackend device = EmulatedDevice.Open(DType.BF16);
        using var counting = new CountingBackend(device);
        using var cpu = new CpuBackend(2);
        using RewardModel onDevice = source.Load(counting, TrainingScope.HeadOnly, training: false);
        using RewardModel onCpu = source.Load(cpu, TrainingScope.HeadOnly, training: false);
        Assert.Equal(0, counting.Plain);
        Assert.True(counting.LowBit > 0);
        SequenceLayout layout = PairPacking.Pack(_golden.Pairs, sharePrefix: true);
        float[] expected = onCpu.Score(layout), actual = onDevice.Score(layout);
        double size = Math.Sqrt(expected.Average(r => (double)r * r));
        Assert.All(expected.Zip(actual), pair => Assert.InRange(pair.Second - pair.First, -0.05 * size, 0.05 * size));
    }

    [Fact]
    public void Qwen2_5_7B_with_8192_tokens_and_full_recompute_plans_under_8_GB_over_NF4()
    {
        MemoryPlan Plan(BaseDType? type)
        {
            ModelConfig config = ModelShapes.Get("qwen2.5-7b");
            var scope = new TrainingScope(new LoraSettings(4, 32, WeightNames.Modules), TrainsEverything: false);
            return new MemoryPlanner(static () => new CudaDryRun(), config, scope, DryRunWeights.Of(config, type)).Plan(
                Recompute.Full, MicroBatchExtent.Full(8192, 1024, sharePrefix: true));
        }

        MemoryPlan nf4 = Plan(BaseDType.Nf4), plain = Plan(null);
        Assert.InRange(nf4.Total, 6_000_000_000, 8_000_000_000);
        Assert.Equal(plain.Activations, nf4.Activations);

        // 6.5 billion weights in half a byte and 8 bits for every 64 of them, beside the embedding in bfloat16.
        Assert.InRange((nf4.Weights - (2L * 152064 * 3584)) / 6.525e9, 0.515, 0.525);
        Assert.InRange((Plan(BaseDType.Int8).Weights - (2L * 152064 * 3584)) / 6.525e9, 1.0, 1.01);
    }

    [Fact]
    public void Doctor_tells_how_far_rewards_move()
    {
        CommandResult result =
            Btrm.Succeed("doctor", "--base-error", "--device", "cpu", "--model", _golden.ModelFolderPath, "--pairs", "4", "--json");
        JsonElement report = JsonDocument.Parse(result.Output).RootElement;
        Assert.Equal(4, report.GetProperty("pairs").GetInt32());
        double Rms(string type) =>
            report.GetProperty("errors").EnumerateArray().Single(e => e.GetProperty("base_dtype").GetString() == type).GetProperty("rms")
                .GetDouble();
        Assert.InRange(Rms("int8"), 1e-6, Rms("fp8"));
        Assert.InRange(Rms("nf4"), Rms("fp8"), 10 * report.GetProperty("reward_deviation").GetDouble());
        Btrm.Fail(2, ["doctor", "--base-error"], "--base-error needs --model");
    }

    private void Write() => _scratch.Write("train.jsonl", IdRows.FromGolden(
        JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_golden.Folder, "batch.json"))).RootElement.GetProperty("pairs")));

    private string[] Arguments(string output) =>
    [
        "train", "--device", "cpu", "--model", _golden.ModelFolderPath, "--train-file", _scratch["train.jsonl"], "--output-dir",
        _scratch[output],
        "--lora", "--lora-rank", "4", "--steps", "2", "--batch-size", "2", "--lr", "2e-3", "--log-every", "1",
    ];

    /// <summary>Counts the weights of either form.</summary>
    private sealed class CountingBackend(IBackend inner) : ObservedBackend(inner, null), IBackend
    {
        public int Plain { get; private set; }

        public int LowBit { get; private set; }

        LinearWeight IBackend.CreateFrozenWeight(int outFeatures, int inFeatures, bool needsInputGradient)
        {
            Plain++;
            return CreateFrozenWeight(outFeatures, inFeatures, needsInputGradient);
        }

        LowBitWeight? IBackend.CreateLowBitWeight(int outFeatures, int inFeatures, LowBitLayout layout, LowBitTables tables)
        {
            LowBit++;
            return CreateLowBitWeight(outFeatures, inFeatures, layout, tables);
        }
    }
}
