using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Rendering;
using Rm.Formats.Safetensors;
using Rm.Kernels.Cpu;
using Rm.Kernels.Ops;
using Rm.Training.Batching;
using Rm.Training.Loop;
using Rm.Training.Model;

namespace Rm.Host.Tests.Training;

/// <summary>Every family and kind of adapter that docs/models.md lists, beside transformers 5.24 and PEFT 0.21 on the CPU.</summary>
public sealed class ModelGoldenTests
{
    private static readonly string[] RefusedAdapters =
        ["peft-kasa", "peft-layer-replication", "peft-target-parameters", "peft-pissa", "peft-olora"];

    internal static IEnumerable<string> FamilyNames =>
        ModelGoldenCase.Names(n => !n.StartsWith("peft-") && !n.StartsWith("lowbit-"));

    internal static IEnumerable<string> AdapterNames => ModelGoldenCase.Names(n => n.StartsWith("peft-") && !RefusedAdapters.Contains(n));

    /// <summary>Models with gated delta nets.</summary>
    internal static readonly string[] Hybrids = ["qwen3_5-text"];

    public static TheoryData<string> Families => [.. FamilyNames];

    internal static IEnumerable<string> LowBitNames => ModelGoldenCase.Names(n => n.StartsWith("lowbit-") && n != "lowbit-tensors");

    internal static IEnumerable<string> CaseNames => [.. FamilyNames, .. AdapterNames, .. LowBitNames];

    public static TheoryData<string> Cases => [.. CaseNames];

    public static TheoryData<string> LowBit => [.. LowBitNames];

    public static TheoryData<string, string> Refused => new()
    {
        { "peft-kasa", "kasa_config is {" },
        { "peft-layer-replication", "layer_replication is [" },
        { "peft-target-parameters", "target_parameters is [" },
        { "peft-pissa", "init_lora_weights is \"pissa\"" },
        { "peft-olora", "init_lora_weights is \"olora\"" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_is_not_built_is_refused_by_name(string name, string message)
    {
        var golden = new ModelGoldenCase(name);
        using var backend = new CpuBackend(1);
        Assert.Contains(message, Assert.Throws<UserInputException>(() => golden.Open(backend, "adapter", training: false)).Message);
    }

    [Theory]
    [InlineData("peft-pissa")]
    [InlineData("peft-olora")]
    public void An_adapter_that_PEFT_converted_to_the_untouched_base_is_read(string name)
    {
        var golden = new ModelGoldenCase(name);
        using var backend = new CpuBackend(2);
        using RewardModel model = golden.Open(backend, "converted-adapter", training: false);

        // PEFT's conversion leaves the trained head out.
        using var trained = SafetensorsFile.Open(Path.Combine(golden.Folder, "trained-adapter", "adapter_model.safetensors"));
        Parameter head = model.Parameters.All.Single(p => p.Kind == ParameterKind.Head);
        float[] values = new float[head.Count];
        trained.ReadFloat32("base_model.model.score.weight", values);
        model.Parameters.Write(model.Parameters.Values, head, values);
        ModelGoldenCase.AssertRewards(
            golden.Expected.GetProperty("reloaded_converted_with_head"), model.Score(PairPacking.Pack(golden.Pairs, sharePrefix: true)),
            "converted");
    }

    [Theory]
    [MemberData(nameof(LowBit))]
    public void Low_bit_weights_are_the_values_of_their_formula(string name)
    {
        var golden = new ModelGoldenCase(name);
        var config = ModelConfig.Load(golden.ModelPath);
        using var weights = CheckpointWeights.Open(golden.ModelPath, config);
        Assert.True(weights.IsLowBit);
        foreach (JsonProperty module in golden.Json("dequant.json").EnumerateObject())
        {
            float[] values = new float[weights.Tensor(module.Name + ".weight").ElementCount];
            weights.ReadFloat32(module.Name + ".weight", values);
            string expected =
                (module.Value.TryGetProperty("float32", out JsonElement hash) ? hash : module.Value.GetProperty("loaded")).GetString()!;
            Assert.Equal(expected, Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<float>(values))));

            // Any piece of it is the same.
            float[] piece = new float[values.Length / 3];
            weights.ReadFloat32(module.Name + ".weight", piece, 7);
            Assert.Equal(values[7..(7 + piece.Length)], piece);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Rewards_with_the_adapter_equal_PEFT(string name)
    {
        var golden = new ModelGoldenCase(name);
        using var backend = new CpuBackend(2);
        using RewardModel model = golden.Open(backend, "adapter", training: false);
        foreach (bool sharePrefix in new[] { true, false })
        {
            ModelGoldenCase.AssertRewards(
                golden.Expected, model.Score(PairPacking.Pack(golden.Pairs, sharePrefix)), $"sharing {sharePrefix}");
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Losses_and_gradients_with_the_adapter_equal_PEFT(string name)
    {
        var golden = new ModelGoldenCase(name);
        using var backend = new CpuBackend(2);
        foreach ((bool sharePrefix, Recompute recompute) in new[] { (true, Recompute.None), (false, Recompute.Selective),
            (true, Recompute.Full) })
        {
            using RewardModel model = golden.Open(backend, "adapter", training: true, recompute);
            foreach (JsonProperty variant in golden.Expected.GetProperty("variants").EnumerateObject())
            {
                MicroBatchResult result = golden.Step(model, ModelGoldenCase.Options(variant.Value), sharePrefix);
                ModelGoldenCase.AssertClose(variant.Value.GetProperty("loss").GetDouble(), result.Losses.Sum(l => (double)l), 1e-2, "loss");
            }

            golden.AssertGradients(model, "grads.safetensors");
        }
    }

    [Theory]
    [MemberData(nameof(Families))]
    public void Rewards_and_all_gradients_without_adapter_equal_transformers(string name)
    {
        var golden = new ModelGoldenCase(name);
        JsonElement full = golden.Expected.GetProperty("full");
        using var backend = new CpuBackend(2);
        foreach ((bool sharePrefix, Recompute recompute) in new[] { (true, Recompute.None), (false, Recompute.Selective),
            (true, Recompute.Full) })
        {
            using RewardModel model = golden.Open(backend, adapter: null, training: true, recompute);
            MicroBatchResult plain = golden.Step(model, new PairLossOptions(), sharePrefix);
            ModelGoldenCase.AssertClose(full.GetProperty("loss_plain").GetDouble(), plain.Losses.Sum(l => (double)l), 1e-2, "loss_plain");
            MicroBatchResult all = golden.Step(model, ModelGoldenCase.All, sharePrefix);
            ModelGoldenCase.AssertClose(full.GetProperty("loss_all").GetDouble(), all.Losses.Sum(l => (double)l), 1e-2, "loss_all");
            ModelGoldenCase.AssertRewards(full, all.Rewards, "full");
            golden.AssertGradients(model, "grads-full.safetensors");
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Training_gives_PEFT_s_trajectory(string name)
    {
        using var backend = new CpuBackend(2);
        AssertTrajectory(backend, name);
    }

    /// <summary>
    /// Trains a case on <paramref name="backend"/> beside its golden run, or beside exact arithmetic where that is known and asked for.
    /// </summary>
    internal static void AssertTrajectory(IBackend backend, string name, bool isExactAsked = true)
    {
        var golden = new ModelGoldenCase(name);
        JsonElement trajectory = golden.Json("trajectory.json");
        IReadOnlyList<PreferencePair> pairs = GoldenCase.ReadPairs(trajectory.GetProperty("pairs"));
        int steps = trajectory.GetProperty("steps").GetInt32(), batch = trajectory.GetProperty("batch_size").GetInt32();
        using RewardModel model = golden.Open(backend, "adapter", training: true);
        var runner = new StepRunner(model, Options(trajectory));
        JsonElement[] log = [.. trajectory.GetProperty("log").EnumerateArray()], exact = isExactAsked ? golden.ExactSteps() : [];
        for (int step = 0; step < steps; step++)
        {
            StepResult result = runner.Run(step, [.. Enumerable.Range(0, batch).Select(i => pairs[((step * batch) + i) % pairs.Count])]);
            AssertStep("loss", step, result.Loss);
            AssertStep("grad_norm", step, result.GradNorm);
        }

        ModelGoldenCase.AssertRewards(
            trajectory.GetProperty("final_rewards_on_batch"), model.Score(PairPacking.Pack(golden.Pairs, sharePrefix: true)),
            "after training");
        JsonElement norms = trajectory.GetProperty("final_norms");
        foreach (Parameter parameter in model.Parameters.All)
        {
            double norm = Math.Sqrt(model.Parameters.Read(model.Parameters.Values, parameter).Sum(v => (double)v * v));
            ModelGoldenCase.AssertClose(
                norms.GetProperty(ModelGoldenCase.GoldenName(model, parameter)).GetDouble(), norm, 1e-2, parameter.Name);
        }

        // Where the golden float32 run is known to stray itself, exact arithmetic decides.
        void AssertStep(string figure, int step, double value)
        {
            JsonElement by = exact.Length > 0 ? exact[step] : log[step];
            ModelGoldenCase.AssertClose(by.GetProperty(figure).GetDouble(), value, 1e-2, $"{figure} of step {step}");
        }
    }

    internal static TrainingOptions Options(JsonElement trajectory)
    {
        int steps = trajectory.GetProperty("steps").GetInt32();
        return new TrainingOptions(
            steps, trajectory.GetProperty("batch_size").GetInt32(), MicroTokenBudget: 4096, trajectory.GetProperty("lr").GetDouble(),
            trajectory.GetProperty("weight_decay").GetDouble(),
            new LearningRateSchedule(ScheduleKind.Cosine, trajectory.GetProperty("warmup_steps").GetInt32(), steps),
            trajectory.GetProperty("max_grad_norm").GetDouble(),
            new PairLossOptions(
                1, trajectory.GetProperty("label_smoothing").GetSingle(),
                trajectory.GetProperty("score_regularization_lambda").GetSingle()),
            Seed: 1, ExampleOrder.Sequential)
        {
            LoraPlusRatio = trajectory.TryGetProperty("loraplus_lr_ratio", out JsonElement ratio) ? ratio.GetDouble() : null,
            LoraPlusEmbeddingRate = ratio.ValueKind == JsonValueKind.Number
                ? trajectory.GetProperty("loraplus_lr_embedding").GetDouble()
                : 0,
        };
    }
}
