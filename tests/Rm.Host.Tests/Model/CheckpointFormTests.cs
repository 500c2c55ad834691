using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using Rm.Host.Tests.Training;
using Rm.Kernels.Cpu;
using Rm.Training.Artifacts;
using Rm.Training.Batching;
using Rm.Training.Loop;
using Rm.Training.Model;

namespace Rm.Host.Tests.Model;

/// <summary>
/// The same decoder as a sequence classifier, a causal language model, the bare model and inside a multimodal one: the goldens' files with
/// other names and no head, which then is set by hand.
/// </summary>
public sealed class CheckpointFormTests : IDisposable
{
    private readonly ScratchFolder _scratch = new();

    public static TheoryData<string> Families => ModelGoldenTests.Families;

    public void Dispose() => _scratch.Dispose();

    [Theory]
    [MemberData(nameof(Families))]
    public void Every_family_loads_as_a_causal_language_model_and_bare(string name)
    {
        var golden = new ModelGoldenCase(name);
        foreach ((string form, string prefix) in new[] { ("ForCausalLM", "model."), ("Model", "") })
        {
            JsonObject config = Config(golden);
            config["architectures"] =
                new JsonArray(((string)config["architectures"]![0]!).Replace("ForSequenceClassification", form, StringComparison.Ordinal));
            string folder = Write(golden, form, config, tensor => tensor == WeightNames.Score ? null : prefix + tensor["model.".Length..]);
            CheckWithHeadByHand(golden, folder);
            using var backend = new CpuBackend(1);
            Assert.Contains("no reward head", Assert.Throws<Rm.Formats.UserInputException>(
                () => ModelSource.Open(folder).LoadForScoring(backend, adapter: null)).Message);
        }
    }

    [Fact]
    public void A_decoder_inside_a_multimodal_model_loads_from_its_text_config()
    {
        var golden = new ModelGoldenCase("gemma3-text");
        var config = new JsonObject
        {
            ["model_type"] = "gemma3",
            ["architectures"] = new JsonArray("Gemma3ForConditionalGeneration"),
            ["text_config"] = Config(golden),
        };
        string folder = Write(
            golden, "wrapper", config, tensor => tensor == WeightNames.Score ? null : "model.language_model." + tensor["model.".Length..]);
        CheckWithHeadByHand(golden, folder);
    }

    [Fact]
    public void A_head_of_one_row_needs_no_label_count_and_training_goes_on_from_it()
    {
        var golden = new ModelGoldenCase("llama-biases");
        JsonObject config = Config(golden);
        foreach (string field in new[] { "num_labels", "id2label", "label2id", "problem_type" })
        {
            config.Remove(field);
        }

        string folder = Write(golden, "no-labels", config, tensor => tensor);
        using var backend = new CpuBackend(2);
        using RewardModel model = ModelSource.Open(folder).Load(backend, TrainingScope.Full, training: true);
        Assert.True(model.HasPretrainedHead);
        ModelStart.Initialize(model, initAdapter: null, seed: 9);
        ModelGoldenCase.AssertRewards(
            golden.Expected.GetProperty("full"), model.Score(PairPacking.Pack(golden.Pairs, sharePrefix: true)), "own head");
    }

    private static void CheckWithHeadByHand(ModelGoldenCase golden, string folder)
    {
        using var backend = new CpuBackend(2);
        using RewardModel model = ModelSource.Open(folder).Load(backend, TrainingScope.HeadOnly, training: false);
        Assert.False(model.HasPretrainedHead);
        using var original = CheckpointWeights.Open(golden.ModelPath, model.Config);
        Parameter head = model.Parameters.All.Single(p => p.Kind == ParameterKind.Head);
        float[] values = new float[head.Count];
        original.ReadFloat32(WeightNames.Score, values);
        model.Parameters.Write(model.Parameters.Values, head, values);
        ModelGoldenCase.AssertRewards(
            golden.Expected.GetProperty("full"), model.Score(PairPacking.Pack(golden.Pairs, sharePrefix: true)), folder);
    }

    private static JsonObject Config(ModelGoldenCase golden) =>
        JsonNode.Parse(File.ReadAllBytes(Path.Combine(golden.ModelPath, "config.json")))!.AsObject();

    // The file with its tensors under other names; null leaves one out of the header, its bytes stay.
    private string Write(ModelGoldenCase golden, string form, JsonObject config, Func<string, string?> rename)
    {
        _scratch.Write(Path.Combine(form, "config.json"), config.ToJsonString());
        byte[] file = File.ReadAllBytes(Path.Combine(golden.ModelPath, "model.safetensors"));
        int length = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        JsonObject header = JsonNode.Parse(file.AsSpan(8, length))!.AsObject();
        byte[] data = file[(8 + length)..];
        var renamed = new JsonObject();
        var kept = new MemoryStream();
        foreach ((string tensor, JsonNode? entry) in header)
        {
            if (tensor == "__metadata__" || rename(tensor) is not { } other)
            {
                continue;
            }

            // Tensors must follow each other without gaps.
            long[] offsets = [.. entry!["data_offsets"]!.AsArray().Select(offset => (long)offset!)];
            JsonNode moved = entry.DeepClone();
            moved["data_offsets"] = new JsonArray(kept.Length, kept.Length + offsets[1] - offsets[0]);
            kept.Write(data.AsSpan((int)offsets[0], (int)(offsets[1] - offsets[0])));
            renamed.Add(other, moved);
        }

        byte[] text = Encoding.UTF8.GetBytes(renamed.ToJsonString());
        byte[] size = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(size, text.Length);
        File.WriteAllBytes(Path.Combine(_scratch[form], "model.safetensors"), [.. size, .. text, .. kept.ToArray()]);
        return _scratch[form];
    }
}
