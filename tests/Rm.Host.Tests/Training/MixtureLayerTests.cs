using System.Text.Json.Nodes;
using Rm.Formats;
using Rm.Formats.Safetensors;
using Rm.Host.Tests.EndToEnd;
using Rm.Kernels.Cpu;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Training.Artifacts;
using Rm.Training.Batching;
using Rm.Training.LowBit;
using Rm.Training.Memory;
using Rm.Training.Model;

namespace Rm.Host.Tests.Training;

/// <summary>A model with mixtures of experts: what packing may not change, forms of its file, its settings, its memory.</summary>
public sealed class MixtureLayerTests
{
    private readonly ModelGoldenCase _golden = new("qwen3-moe");

    // Sizes that the golden case has not: a layer of every kind, and the last one a mixture over the reward rows alone.
    private static readonly ModelConfig Config = new(
        ModelFamilies.Qwen3Moe, VocabSize: 64, HiddenSize: 64, Layers: 3, Heads: 2, KvHeads: 1, HeadDim: 32, IntermediateSize: 80, 1e-6f,
        1e6, RopeScaling.None, TieWordEmbeddings: false, 0.02, MaxPositionEmbeddings: 1024)
    {
        Experts = new ExpertSizes(6, 3, 64, Normalizes: false),
        MixtureLayers = [true, false, true],
    };

    private static readonly TrainingScope Lora =
        new(new LoraSettings(4, 8, WeightNames.AttentionModules, Dropout: 0.1), TrainsEverything: false);

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_packed_sequence_has_the_bits_of_the_sequence_alone(int threads)
    {
        using var backend = new CpuBackend(threads);
        using var model = new RewardModel(backend, Config, new RandomWeights(3), TrainingScope.HeadOnly, training: false);
        ParameterInitializer.InitializeHead(model.Parameters, 0.5, 4);
        float[] packed = model.Score(PairPacking.Pack(_golden.Pairs, sharePrefix: false));
        Assert.Equal(
            [.. _golden.Pairs.SelectMany(p => new[] { p.Chosen, p.Rejected }).Select(t => model.Score(Alone(t)).Single())], packed);
        Assert.True(packed.Distinct().Count() > 5);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Threads_and_recompute_change_no_bit_and_a_shared_prefix_less_than_1e_5(bool lora)
    {
        TrainingScope scope = lora ? Lora with { Lora = Lora.Lora! with { Dropout = 0 } } : TrainingScope.Full;
        float[] expected = Gradients(threads: 1, Recompute.None, sharePrefix: false);
        Assert.Equal(expected, Gradients(threads: 2, Recompute.Selective, sharePrefix: false));
        Assert.Equal(expected, Gradients(threads: 3, Recompute.Full, sharePrefix: false));
        float[] shared = Gradients(threads: 2, Recompute.Selective, sharePrefix: true);
        double norm = Math.Sqrt(expected.Sum(g => (double)g * g));
        double difference = Math.Sqrt(expected.Zip(shared, (a, b) => Math.Pow((double)a - b, 2)).Sum());
        Assert.True(norm > 0 && difference <= 1e-5 * norm, $"{difference / norm:E2}");

        float[] Gradients(int threads, Recompute recompute, bool sharePrefix)
        {
            using var backend = new CpuBackend(threads);
            using var model = new RewardModel(backend, Config, new RandomWeights(3), scope, training: true, recompute);
            ParameterInitializer.InitializeHead(model.Parameters, 0.5, 4);
            ParameterInitializer.InitializeLora(model.Parameters, 5);
            _golden.Step(model, new PairLossOptions(), sharePrefix);
            return [.. model.Parameters.All.SelectMany(p => model.Parameters.Read(model.Parameters.Gradients, p))];
        }
    }

    [Fact]
    public void Experts_in_one_tensor_a_layer_are_read_as_those_one_by_one()
    {
        using var scratch = new ScratchFolder();
        string folder = WriteFused(scratch, wrongShape: false);
        using var backend = new CpuBackend(2);
        SequenceLayout batch = PairPacking.Pack(_golden.Pairs, sharePrefix: true);
        using RewardModel fused = ModelSource.Open(folder).LoadForScoring(backend, adapter: null);
        using RewardModel plain = ModelSource.Open(_golden.ModelPath).LoadForScoring(backend, adapter: null);
        Assert.Equal(plain.Score(batch), fused.Score(batch));
        MergedCheckpoint.Write(folder, ModelConfig.Load(folder), _golden.AdapterPath, scratch["merged"], null);
        using RewardModel merged = ModelSource.Open(scratch["merged"]).LoadForScoring(backend, adapter: null);
        ModelGoldenCase.AssertRewards(_golden.Expected, merged.Score(batch), "merged");
        Assert.Contains(
            "wrong shape: model.layers.0.mlp.experts.down_proj is [5, 16, 32], config.json asks for [5, 32, 16]",
            Assert.Throws<UserInputException>(() => ModelSource.Open(WriteFused(scratch, wrongShape: true))
                .LoadForScoring(backend, adapter: null)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("num_experts", "6", "num_experts is 6, but num_local_experts is 5")]
    [InlineData("num_experts_per_tok", "6", "num_experts_per_tok is 6, but a layer has 5 experts")]
    [InlineData("decoder_sparse_step", "0", "decoder_sparse_step")]
    [InlineData("mlp_only_layers", "[0.5]", "mlp_only_layers")]
    [InlineData("moe_intermediate_size", "0", "moe_intermediate_size")]
    public void Settings_that_cannot_be_are_refused_by_name(string field, string value, string message)
    {
        JsonObject config = Json();
        config[field] = JsonNode.Parse(value);
        Assert.Contains(message, Assert.Throws<UserInputException>(() => Parse(config)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Which_layers_are_mixtures_is_read_as_transformers_reads_it()
    {
        JsonObject config = Json();
        Assert.Equal([true, false], Parse(config).MixtureLayers);
        config["num_hidden_layers"] = 5;
        config["decoder_sparse_step"] = 2;
        config["mlp_only_layers"] = new JsonArray(3);
        Assert.Equal([false, true, false, false, false], Parse(config).MixtureLayers);
        config["mlp_only_layers"] = null;
        config.Remove("num_local_experts");
        config["num_experts"] = 7;
        Assert.Equal([false, true, false, true, false], Parse(config).MixtureLayers);
        Assert.Equal(new ExpertSizes(7, 2, 16, Normalizes: true), Parse(config).Experts);
        config.Remove("norm_topk_prob");
        Assert.False(Parse(config).Experts!.Normalizes);
        config["num_experts"] = 0;
        Assert.Null(Parse(config).Experts);
        config["sliding_window"] = 6;
        Assert.Equal(0, Parse(config).WindowOf(0));
        config["use_sliding_window"] = true;
        Assert.Equal(6, Parse(config).WindowOf(4));
        var again = ModelConfig.Parse(Config.ToJson(), "config.json");
        Assert.Equal(Config.Experts, again.Experts);
        Assert.Equal(Config.MixtureLayers, again.MixtureLayers);
    }

    [Fact]
    public void A_base_in_few_bits_holds_the_experts_too_but_not_the_router()
    {
        using var backend = new CpuBackend(2);
        var counted = new HashSet<string>(StringComparer.Ordinal);
        var source = new QuantizedWeightSource(new RandomWeights(3), BaseDType.Int8, Config);
        foreach ((string name, _) in WeightNames.Decoder(Config).Where(weight => source.LowBit(weight.Name) is not null))
        {
            counted.Add(name);
        }

        Assert.Equal((3 * 4) + 3 + (2 * 6 * 3), counted.Count);
        Assert.DoesNotContain(counted, name => name.EndsWith(".mlp.gate.weight", StringComparison.Ordinal));
        SequenceLayout batch = PairPacking.Pack(_golden.Pairs, sharePrefix: true);
        float[] plain = Score(new RandomWeights(3)), low = Score(source);
        double deviation = Math.Sqrt(plain.Average(r => Math.Pow(r - plain.Average(), 2)));
        Assert.NotEqual(plain, low);
        Assert.All(plain.Zip(low), pair => Assert.InRange(pair.Second - pair.First, -0.2 * deviation, 0.2 * deviation));

        float[] Score(IWeightSource weights)
        {
            using var model = new RewardModel(backend, Config, weights, TrainingScope.HeadOnly, training: false);
            ParameterInitializer.InitializeHead(model.Parameters, 0.5, 4);
            return model.Score(batch);
        }
    }

    [Theory]
    [InlineData(true, Recompute.None)]
    [InlineData(true, Recompute.Selective)]
    [InlineData(false, Recompute.Full)]
    public void A_step_takes_what_was_planned(bool lora, Recompute recompute)
    {
        using var backend = new CpuBackend(1);
        TrainingScope scope = lora ? Lora : TrainingScope.Full;
        MemoryPlan plan = new MemoryPlanner(() => backend.DryRun(DType.F32), Config, scope)
            .Plan(recompute, MicroBatchExtent.Of([PairGroup.Each(_golden.Pairs)], 4096, sharePrefix: true));
        using var model = new RewardModel(backend, Config, new RandomWeights(3), scope, training: true, recompute);
        model.ReserveActivations(plan.Activations.Peak);
        float[] targets = new float[_golden.Pairs.Count];
        model.Parameters.ZeroGradients();
        model.Train(
            PairPacking.Pack(_golden.Pairs, sharePrefix: true), new PairTargets(targets, targets), new PairLossOptions(), normalizer: 1,
            dropoutSeed: 1);
        Assert.Equal(plan.Activations, model.Activations);
        Assert.InRange(backend.PeakAllocatedBytes, plan.Total * 85 / 100, plan.Total);
    }

    [Fact]
    public void A_device_without_the_operations_refuses_the_model_by_name()
    {
        using var cpu = new CpuBackend(1);
        using var device = new NoExperts(cpu);
        Assert.Contains(
            "Use --device cpu", Assert.Throws<UserInputException>(() => _golden.Open(device, "adapter", training: false)).Message);
    }

    [Theory]
    [InlineData("all-linear")]
    [InlineData("q_proj,gate_proj")]
    [InlineData("gate")]
    public void Adapters_of_experts_are_refused_by_name(string modules)
    {
        using var scratch = new ScratchFolder();
        string rows = scratch.Write("few.jsonl", """{"chosen_ids": [1, 2, 3], "rejected_ids": [1, 2, 4]}""" + "\n");
        string[] command =
        [
            "train", "--device", "cpu", "--model", _golden.ModelPath, "--train-file", rows, "--output-dir", scratch["run"], "--steps", "1",
            "--lora", "--lora-target-modules",
        ];
        Btrm.Fail(2, [.. command, modules], "means the experts of qwen3_moe", "--lora-target-modules q_proj,k_proj,v_proj,o_proj");
    }

    private static SequenceLayout Alone(int[] tokens)
    {
        var builder = new SequenceLayoutBuilder();
        builder.AddSequence(tokens, key: 7);
        return builder.Build();
    }

    private JsonObject Json() => JsonNode.Parse(File.ReadAllText(Path.Combine(_golden.ModelPath, ModelConfig.FileName)))!.AsObject();

    private static ModelConfig Parse(JsonObject config) =>
        ModelConfig.Parse(System.Text.Encoding.UTF8.GetBytes(config.ToJsonString()), "config.json");

    // As transformers 5 holds a model in memory, and saves it where it is told to keep that form.
    private string WriteFused(ScratchFolder scratch, bool wrongShape)
    {
        string folder = scratch[wrongShape ? "wrong" : "fused"];
        Directory.CreateDirectory(folder);
        File.Copy(Path.Combine(_golden.ModelPath, ModelConfig.FileName), Path.Combine(folder, ModelConfig.FileName));
        using var source = SafetensorsFile.Open(Path.Combine(_golden.ModelPath, "model.safetensors"));
        float[] Read(string name)
        {
            float[] values = new float[source.Tensor(name).ElementCount];
            source.ReadFloat32(name, values);
            return values;
        }

        TensorToWrite Tensor(string name, long[] shape, float[] values) =>
            new(
                name, SafetensorsDType.F32, shape,
                (start, destination) => values.AsSpan((int)start, destination.Length).CopyTo(destination));
        float[] Experts(params string[] modules) =>
        [
            .. Enumerable.Range(0, 5).SelectMany(e => modules.SelectMany(m => Read($"model.layers.0.mlp.experts.{e}.{m}.weight"))),
        ];
        List<TensorToWrite> tensors =
        [
            .. source.Tensors.Values.Where(t => !t.Name.Contains(".experts.", StringComparison.Ordinal))
                .Select(t => Tensor(t.Name, t.Shape, Read(t.Name))),
            Tensor("model.layers.0.mlp.experts.gate_up_proj", [5, 32, 32], Experts("gate_proj", "up_proj")),
            Tensor("model.layers.0.mlp.experts.down_proj", wrongShape ? [5, 16, 32] : [5, 32, 16], Experts("down_proj")),
        ];
        using FileStream stream = File.Create(Path.Combine(folder, "model.safetensors"));
        SafetensorsWriter.Write(stream, tensors);
        return folder;
    }

    private sealed class NoExperts(IBackend inner) : ObservedBackend(inner, observer: null)
    {
        public override IExpertOperations? Experts => null;
    }
}
