using System.Text.Json.Nodes;
using Rm.Formats;
using Rm.Formats.Safetensors;
using Rm.Kernels.Cpu;
using Rm.Kernels.Ops;
using Rm.Training.Artifacts;
using Rm.Training.Batching;
using Rm.Training.Model;

namespace Rm.Host.Tests.Training;

/// <summary>A model with gated delta nets: what packing may not change, its multimodal wrapper, its settings.</summary>
public sealed class HybridLayerTests
{
    private readonly ModelGoldenCase _golden = new("qwen3_5-text");

    [Fact]
    public void A_packed_sequence_has_the_bits_of_the_sequence_alone()
    {
        using var backend = new CpuBackend(2);
        using RewardModel model = _golden.Open(backend, "adapter", training: false);
        float[] packed = model.Score(PairPacking.Pack(_golden.Pairs, sharePrefix: false));
        float[] alone =
            [.. _golden.Pairs.SelectMany(p => new[] { p.Chosen, p.Rejected }).Select(tokens => model.Score(Alone(tokens)).Single())];
        Assert.Equal(alone, packed);
    }

    [Fact]
    public void A_shared_prefix_changes_rewards_and_gradients_by_less_than_1e_5()
    {
        using var backend = new CpuBackend(2);
        using RewardModel model = _golden.Open(backend, adapter: null, training: true);
        (float[] rewards, float[] gradient) = Step(sharePrefix: true);
        (float[] separateRewards, float[] separateGradient) = Step(sharePrefix: false);
        Assert.All(rewards.Zip(separateRewards), p => Assert.Equal(p.First, p.Second, 1e-5));
        double norm = Math.Sqrt(gradient.Sum(g => (double)g * g));
        double difference = Math.Sqrt(gradient.Zip(separateGradient, (a, b) => Math.Pow((double)a - b, 2)).Sum());
        Assert.True(difference <= 1e-5 * norm, $"{difference / norm:E2}");

        (float[] Rewards, float[] Gradient) Step(bool sharePrefix)
        {
            MicroBatchResult result = _golden.Step(model, new PairLossOptions(), sharePrefix);
            return (result.Rewards, [.. model.Parameters.All.SelectMany(p => model.Parameters.Read(model.Parameters.Gradients, p))]);
        }
    }

    [Fact]
    public void The_multimodal_wrapper_is_read_as_its_language_model()
    {
        using var scratch = new ScratchFolder();
        string folder = WriteWrapper(scratch);
        using var backend = new CpuBackend(2);
        SequenceLayout batch = PairPacking.Pack(_golden.Pairs, sharePrefix: true);
        using RewardModel wrapped = ModelSource.Open(folder).LoadForScoring(backend, adapter: null);
        using RewardModel plain = ModelSource.Open(_golden.ModelPath).LoadForScoring(backend, adapter: null);
        Assert.Equal(plain.Score(batch), wrapped.Score(batch));

        using var weights = CheckpointWeights.Open(folder, ModelConfig.Load(folder));
        Assert.Contains(weights.Warnings, w =>
            w.StartsWith("2 tensors beside the language model (model.visual, mtp) are left alone", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("layer_types", """["linear_attention", "sliding_attention", "full_attention", "full_attention"]""", "holds \"sliding_attention\"")]
    [InlineData("linear_num_value_heads", "3", "not a multiple of linear_num_key_heads = 2")]
    [InlineData("linear_conv_kernel_dim", "9", "linear_conv_kernel_dim")]
    [InlineData("model_type", "\"qwen3_5_moe\"", "a mixture of experts")]
    public void Settings_that_are_not_built_are_refused_by_name(string field, string value, string message)
    {
        JsonObject config = Config();
        config[field] = JsonNode.Parse(value);
        Assert.Contains(message, Assert.Throws<UserInputException>(() => Parse(config)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_layer_types_every_fourth_layer_attends_or_as_the_interval_says()
    {
        JsonObject config = Config();
        config.Remove("layer_types");
        Assert.Equal([true, true, true, false], Parse(config).DeltaLayers);
        config["full_attention_interval"] = 2;
        Assert.Equal([true, false, true, false], Parse(config).DeltaLayers);
        config["rope_parameters"]!.AsObject().Remove("partial_rotary_factor");
        Assert.Equal(0.25, Parse(config).RopeScaling.PartialFactor);
    }

    [Fact]
    public void A_device_without_the_operations_refuses_the_model_by_name()
    {
        using var cpu = new CpuBackend(1);
        using var device = new NoDeltaNets(cpu);
        Assert.Contains(
            "Use --device cpu", Assert.Throws<UserInputException>(() => _golden.Open(device, "adapter", training: false)).Message);
    }

    [Fact]
    public void A_last_layer_with_a_delta_net_gives_the_same_packed_and_alone()
    {
        using var scratch = new ScratchFolder();
        var config = new ModelConfig(
            ModelFamilies.Qwen35, VocabSize: 64, HiddenSize: 32, Layers: 3, Heads: 2, KvHeads: 1, HeadDim: 16, IntermediateSize: 48,
            1e-6f, 10_000_000,
            RopeScaling.None with { PartialFactor = ModelFamilies.Qwen35.PartialRotary }, TieWordEmbeddings: true, 0.02,
            MaxPositionEmbeddings: 1024)
        {
            DeltaLayers = [true, true, true],
            DeltaNet = new DeltaNetSizes(new DeltaRuleShape(2, 6, 8, 12), ConvolutionWidth: 3),
        };
        using var backend = new CpuBackend(2);
        using var model = new RewardModel(backend, config, new RandomWeights(3), TrainingScope.Full, training: true, Recompute.Selective);
        ParameterInitializer.InitializeHead(model.Parameters, 0.5, 4);
        float[] packed = model.Score(PairPacking.Pack(_golden.Pairs, sharePrefix: false));
        Assert.Equal(
            [.. _golden.Pairs.SelectMany(p => new[] { p.Chosen, p.Rejected }).Select(t => model.Score(Alone(t)).Single())], packed);
        _golden.Step(model, new PairLossOptions(), sharePrefix: true);
        float[] shared = [.. model.Parameters.All.SelectMany(p => model.Parameters.Read(model.Parameters.Gradients, p))];
        _golden.Step(model, new PairLossOptions(), sharePrefix: false);
        float[] separate = [.. model.Parameters.All.SelectMany(p => model.Parameters.Read(model.Parameters.Gradients, p))];
        double norm = Math.Sqrt(shared.Sum(g => (double)g * g)),
            difference = Math.Sqrt(shared.Zip(separate, (a, b) => Math.Pow((double)a - b, 2)).Sum());
        Assert.True(norm > 0 && difference <= 1e-5 * norm, $"{difference / norm:E2}");
    }

    private static SequenceLayout Alone(int[] tokens)
    {
        var builder = new SequenceLayoutBuilder();
        builder.AddSequence(tokens, key: 7);
        return builder.Build();
    }

    private JsonObject Config() => JsonNode.Parse(File.ReadAllText(Path.Combine(_golden.ModelPath, ModelConfig.FileName)))!.AsObject();

    private static ModelConfig Parse(JsonObject config) =>
        ModelConfig.Parse(System.Text.Encoding.UTF8.GetBytes(config.ToJsonString()), "config.json");

    // As the published checkpoints are: settings in text_config, names under model.language_model, towers beside it.
    private string WriteWrapper(ScratchFolder scratch)
    {
        string folder = scratch["wrapper"];
        Directory.CreateDirectory(folder);
        JsonObject text = Config();
        text.Remove("architectures");
        var outer = new JsonObject
        {
            ["architectures"] = new JsonArray("Qwen3_5ForSequenceClassification"),
            ["model_type"] = "qwen3_5",
            ["text_config"] = text,
        };
        File.WriteAllText(Path.Combine(folder, ModelConfig.FileName), outer.ToJsonString());
        using var source = SafetensorsFile.Open(Path.Combine(_golden.ModelPath, "model.safetensors"));
        List<TensorToWrite> tensors =
        [
            .. source.Tensors.Values.Select(t => new TensorToWrite(
                t.Name.Replace("model.", "model.language_model.", StringComparison.Ordinal), SafetensorsDType.F32, t.Shape,
                (start, destination) => source.ReadFloat32(t.Name, destination, start))),
            new TensorToWrite(
                "model.visual.patch_embed.proj.weight", SafetensorsDType.F32, [2, 2], (_, destination) => destination.Clear()),
            new TensorToWrite("mtp.norm.weight", SafetensorsDType.F32, [2], (_, destination) => destination.Clear()),
        ];
        using FileStream stream = File.Create(Path.Combine(folder, "model.safetensors"));
        SafetensorsWriter.Write(stream, tensors);
        return folder;
    }

    private sealed class NoDeltaNets(IBackend inner) : ObservedBackend(inner, observer: null)
    {
        public override IDeltaNetOperations? DeltaNets => null;
    }
}
