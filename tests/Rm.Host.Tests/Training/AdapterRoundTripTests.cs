using System.Text.Json;
using Rm.Formats.Files;
using Rm.Formats.Safetensors;
using Rm.Kernels.Cpu;
using Rm.Training.Artifacts;
using Rm.Training.Batching;
using Rm.Training.Model;

namespace Rm.Host.Tests.Training;

/// <summary>Every kind of adapter, written as PEFT writes it and merged as PEFT merges it.</summary>
public sealed class AdapterRoundTripTests
{
    public static TheoryData<string> Adapters =>
        [.. ModelGoldenTests.AdapterNames, "phi3-plain", "gemma3-text", "qwen3_5-text", "qwen3-moe"];

    [Theory]
    [MemberData(nameof(Adapters))]
    public void A_saved_adapter_has_PEFT_s_tensors_and_gives_the_same_rewards(string name)
    {
        var golden = new ModelGoldenCase(name);
        using var scratch = new ScratchFolder();
        using var backend = new CpuBackend(2);
        using RewardModel model = golden.Open(backend, "adapter", training: false);
        using (var save = DurableDirectory.Begin(scratch["saved"]))
        {
            ModelFolder.Write(save, model, "base", null);
            ModelFolder.Verify(save.TemporaryPath, model);
            save.Commit();
        }

        // The untouched base table that PEFT puts beside an embedding's factors is left out.
        using var theirs = SafetensorsFile.Open(Path.Combine(golden.AdapterPath, "adapter_model.safetensors"));
        using var ours = SafetensorsFile.Open(Path.Combine(scratch["saved"], "adapter_model.safetensors"));
        Assert.Equal(
            theirs.Tensors.Keys.Where(k => !k.Contains("embed_tokens.base_layer")).Order(StringComparer.Ordinal),
            ours.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.All(ours.Tensors.Values, tensor => Assert.Equal(theirs.Tensor(tensor.Name).Shape, tensor.Shape));

        float[] before = model.Score(PairPacking.Pack(golden.Pairs, sharePrefix: true));
        using RewardModel again = ModelSource.Open(golden.ModelPath).LoadForScoring(backend, scratch["saved"]);
        Assert.Equal(before, again.Score(PairPacking.Pack(golden.Pairs, sharePrefix: true)));
    }

    [Theory]
    [MemberData(nameof(Adapters))]
    public void A_merged_adapter_gives_PEFT_s_rewards(string name)
    {
        var golden = new ModelGoldenCase(name);
        using var scratch = new ScratchFolder();
        var config = ModelConfig.Load(golden.ModelPath);
        if (name == "peft-lora-bias")
        {
            Assert.Contains("lora_bias adds a bias to", Assert.Throws<Formats.UserInputException>(
                () => MergedCheckpoint.Write(golden.ModelPath, config, golden.AdapterPath, scratch["merged"], null)).Message);
            return;
        }

        MergedCheckpoint.Write(golden.ModelPath, config, golden.AdapterPath, scratch["merged"], null);
        using var backend = new CpuBackend(2);
        using RewardModel merged = ModelSource.Open(scratch["merged"]).LoadForScoring(backend, null);
        JsonElement expected = golden.Expected.TryGetProperty("merged", out JsonElement rewards) ? rewards : golden.Expected;
        ModelGoldenCase.AssertRewards(expected, merged.Score(PairPacking.Pack(golden.Pairs, sharePrefix: true)), "merged");
    }
}
