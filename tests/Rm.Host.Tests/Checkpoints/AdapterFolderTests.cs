using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rm.Formats;
using Rm.Formats.Files;
using Rm.Formats.Safetensors;
using Rm.Training.Adapters;
using Rm.Training.Model;

namespace Rm.Host.Tests.Checkpoints;

public sealed class AdapterFolderTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public static TheoryData<string> GoldenAdapters =>
        [.. Directory.EnumerateFiles(Path.Combine(TestPaths.Golden, "cases"), AdapterFiles.Config, SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(TestPaths.Golden, Path.GetDirectoryName(path)!)).Order(StringComparer.Ordinal)];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(GoldenAdapters))]
    public void An_adapter_of_peft_is_read_and_written_back_as_it_was(string name)
    {
        string golden = Path.Combine(TestPaths.Golden, name);
        var model = ModelConfig.Load(Path.Combine(golden, "..", "model"));
        using var adapter = AdapterFolder.Read(golden);
        IReadOnlyList<LinearModule> modules = adapter.Check(model).TargetModules;
        Assert.Equal(adapter.Config.TargetModules.Order(), modules.Select(module => module.Name()).Order());
        Assert.True(adapter.HasScore);
        Assert.False(adapter.HasNorms);
        Assert.Empty(adapter.Config.Warnings);

        using (var save = DurableDirectory.Begin(_folder["adapter"]))
        {
            AdapterFolder.Write(save, adapter.Config, adapter.Names.Select(n => new TensorToWrite(
                n, SafetensorsDType.F32, adapter.Tensor(n).Shape, (start, destination) => adapter.ReadFloat32(n, destination, start))));
            save.Commit();
        }

        Assert.True(File.ReadAllBytes(Path.Combine(golden, AdapterFiles.Weights)).AsSpan()
            .SequenceEqual(File.ReadAllBytes(_folder["adapter/" + AdapterFiles.Weights])), "the weights are not byte for byte PEFT's");
        CheckSameConfig(Path.Combine(golden, AdapterFiles.Config), _folder["adapter/" + AdapterFiles.Config]);
    }

    [Fact]
    public void The_scale_is_peft_s()
    {
        Assert.Equal(8, new AdapterConfig(4, 32, []).Scale);
        Assert.Equal(16, new AdapterConfig(4, 32, [], UseRsLora: true).Scale);
        Assert.Equal(0.625, new AdapterConfig(4, 2.5, []).Scale);
        Assert.Equal(2.5, AdapterConfig.Parse(new AdapterConfig(4, 2.5, ["q_proj"]).ToJson(), "x").Alpha);
    }

    [Theory]
    [InlineData("""{"peft_type":"IA3"}""", "peft_type is \"IA3\"")]
    [InlineData("""{"peft_type":null}""", "peft_type is missing")]
    [InlineData("""{"use_qalora":true}""", "use_qalora is true")]
    [InlineData("""{"use_bdlora":{"nblocks":2}}""", "use_bdlora is {")]
    [InlineData("""{"use_something_new":true}""", "use_something_new switches on a LoRA variant")]
    [InlineData("""{"bias":"some"}""", "bias is \"some\"")]
    [InlineData("""{"rank_pattern":{"q_proj":0.5}}""", "rank_pattern gives q_proj the value 0.5")]
    [InlineData("""{"kasa_config":{"beta":0.1}}""", "kasa_config is {")]
    [InlineData("""{"trainable_token_indices":{"lm_head":[1]}}""", "trainable_token_indices is {")]
    [InlineData("""{"trainable_token_indices":[1,1]}""", "trainable_token_indices is [1,1]")]
    [InlineData("""{"alpha_pattern":{"q_proj":"a"}}""", "alpha_pattern gives q_proj the value \"a\"")]
    [InlineData("""{"rank_pattern":[]}""", "rank_pattern is []; expected an object")]
    [InlineData("""{"layer_replication":[[0,2]]}""", "layer_replication is [[0,2]]")]
    [InlineData("""{"alora_invocation_tokens":[1]}""", "alora_invocation_tokens is [1]")]
    [InlineData("""{"target_parameters":["x"]}""", "target_parameters is [\"x\"]")]
    [InlineData("""{"init_lora_weights":"pissa_niter_4"}""", "init_lora_weights is \"pissa_niter_4\"")]
    [InlineData("""{"r":0}""", "r is 0; expected a whole number from 1")]
    [InlineData("""{"r":null}""", "r is missing")]
    [InlineData("""{"lora_alpha":"32"}""", "lora_alpha is \"32\"; expected a number")]
    [InlineData("""{"target_modules":null}""", "target_modules is missing")]
    [InlineData("""{"target_modules":[1]}""", "target_modules is [1]; expected a list of texts")]
    [InlineData("""{"lora_dropout":2}""", "lora_dropout is 2; expected a number from 0 to 1")]
    public void A_variant_that_is_not_built_is_an_error_that_names_the_field(string extra, string message)
    {
        UserInputException error = Assert.Throws<UserInputException>(() => AdapterConfig.Parse(Changed(extra), "adapter_config.json"));
        Assert.StartsWith("adapter_config.json: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_that_say_the_same_are_accepted_and_oddities_warned_of()
    {
        var config = AdapterConfig.Parse(Changed(
            """{"rank_pattern":{"q_proj":4},"alpha_pattern":{"k_proj":32.0},"task_type":"CAUSAL_LM","init_lora_weights":"gaussian","novelty":3,"eva_config":{"rho":2.0},"fan_in_fan_out":true}"""), "x");
        Assert.Single(config.Warnings, warning => warning.Contains("fan_in_fan_out", StringComparison.Ordinal));
        Assert.Equal(3, config.Warnings.Count);
        Assert.Single(config.Warnings, warning => warning.Contains("CAUSAL_LM", StringComparison.Ordinal));
        Assert.Single(config.Warnings, warning => warning.Contains("novelty", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("\"all-linear\"")]
    [InlineData("\".*_proj\"")]
    [InlineData("[\"model.layers.0.self_attn.q_proj\",\"q_proj\"]")]
    public void Targets_by_pattern_are_known_from_the_tensors(string targets)
    {
        Write(targets, "base_model.model.model.layers.{0}.self_attn.q_proj.lora_{1}.weight", "base_model.model.score.weight");
        using var adapter = AdapterFolder.Read(_folder.Path);
        Assert.Equal([LinearModule.Q], adapter.Check(Tiny).TargetModules);
    }

    [Theory]
    [InlineData("base_model.model.model.layers.{0}.self_attn.q_proj.lora_{1}.default.weight",
        "base_model.model.score.modules_to_save.default.weight")]
    [InlineData("base_model.model.model.layers.{0}.self_attn.q_proj.lora_{1}.weight", "base_model.model.score.modules_to_save.weight")]
    [InlineData("base_model.model.layers.{0}.self_attn.q_proj.lora_{1}.weight", "base_model.model.score.weight")]
    [InlineData("model.layers.{0}.self_attn.q_proj.lora_{1}.weight", "score.weight")]
    public void Other_spellings_of_the_names_are_understood(string lora, string score)
    {
        Write("[\"q_proj\"]", lora, score);
        using var adapter = AdapterFolder.Read(_folder.Path);
        Assert.Equal([LinearModule.Q], adapter.Check(Tiny).TargetModules);
        Assert.True(adapter.HasScore);
        float[] value = new float[1];
        adapter.ReadFloat32(AdapterNames.LoraB(1, LinearModule.Q), value, 3);
        Assert.Equal(0.25f, value[0]);
    }

    [Fact]
    public void Trained_norms_are_part_of_the_layout()
    {
        Write("[\"q_proj\"]", "base_model.model.model.layers.{0}.self_attn.q_proj.lora_{1}.weight", AdapterNames.Saved(WeightNames.Score),
            [.. WeightNames.Norms(Tiny).Select(norm => (AdapterNames.Saved(norm.Name), new long[] { norm.Width }))]);
        using var adapter = AdapterFolder.Read(_folder.Path);
        adapter.Check(Tiny);
        Assert.True(adapter.HasNorms);
        Assert.Contains("base_model.model.model.layers.0.input_layernorm.weight", adapter.Names);
        Assert.Contains("base_model.model.model.norm.weight", adapter.Names);
    }

    [Fact]
    public void Every_tensor_that_does_not_fit_is_listed_by_name()
    {
        Write("[\"q_proj\",\"k_proj\"]", "base_model.model.model.layers.{0}.self_attn.q_proj.lora_{1}.weight",
            "base_model.model.score.weight",
            ("base_model.model.model.embed_tokens.weight", [512, 64]),
            ("base_model.model.model.layers.0.mlp.up_proj.lora_A.weight", [4, 63]));
        using var adapter = AdapterFolder.Read(_folder.Path);
        string message = Assert.Throws<UserInputException>(() => adapter.Check(Tiny)).Message;
        Assert.Contains("unexpected: base_model.model.model.embed_tokens.weight [512, 64]", message, StringComparison.Ordinal);
        Assert.Contains("wrong shape: base_model.model.model.layers.0.mlp.up_proj.lora_A.weight is [4, 63], the model and r = 4 ask for "
            + "[4, 64]", message, StringComparison.Ordinal);
        Assert.Contains("missing: base_model.model.model.layers.1.mlp.up_proj.lora_B.weight [160, 4]", message, StringComparison.Ordinal);
        Assert.Contains("missing: every tensor of k_proj", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("v_proj")]
    [InlineData("mlp")]
    [InlineData("layers.0.mlp.up_proj")]
    public void A_matrix_that_is_saved_whole_is_refused_by_the_key_that_names_it(string module)
    {
        Write("[\"q_proj\"]", "base_model.model.model.layers.{0}.self_attn.q_proj.lora_{1}.weight", "base_model.model.score.weight",
            ("base_model.model.model.layers.0.self_attn.v_proj.weight", [32, 64]),
            ("base_model.model.model.layers.0.mlp.up_proj.weight", [160, 64]));
        JsonObject config = JsonNode.Parse(File.ReadAllText(_folder[AdapterFiles.Config]))!.AsObject();
        config["modules_to_save"] = new JsonArray(module, "score");
        _folder.Write(AdapterFiles.Config, config.ToJsonString());
        using var adapter = AdapterFolder.Read(_folder.Path);
        Assert.Contains($"modules_to_save names {module}, which is not supported",
            Assert.Throws<UserInputException>(() => adapter.Check(Tiny)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_files_are_named()
    {
        Assert.Contains("no such folder", Message(_folder["absent"]), StringComparison.Ordinal);
        Assert.Contains("adapter_config.json: no such file", Message(_folder.Path), StringComparison.Ordinal);
        _folder.Write(AdapterFiles.Config, new AdapterConfig(4, 32, ["q_proj"]).ToJson());
        Assert.Contains("adapter_model.safetensors: no such file", Message(_folder.Path), StringComparison.Ordinal);
        _folder.Write("adapter_model.bin", "x");
        Assert.Contains("pickle", Message(_folder.Path), StringComparison.Ordinal);

        static string Message(string path) => Assert.Throws<UserInputException>(() => AdapterFolder.Read(path)).Message;
    }

    private static ModelConfig Tiny { get; } = ModelConfig.Load(Path.Combine(TestPaths.Golden, "cases", "qwen2-tiny", "model"));

    private static byte[] Changed(string extra) => Encoding.UTF8.GetBytes(Model.ModelConfigTests.Merge(
        """{"peft_type":"LORA","task_type":"SEQ_CLS","r":4,"lora_alpha":32,"target_modules":["q_proj"]}""", extra));

    private void Write(string targets, string lora, string score, params (string Name, long[] Shape)[] more)
    {
        _folder.Write(AdapterFiles.Config, Changed($$"""{"target_modules":{{targets}}}"""));
        IEnumerable<(string Name, long[] Shape)> tensors = Enumerable.Range(0, Tiny.Layers).SelectMany(layer => new[]
        {
            (string.Format(lora, layer, "A"), new long[] { 4, 64 }), (string.Format(lora, layer, "B"), [64, 4]),
        });
        using FileStream stream = File.Create(_folder[AdapterFiles.Weights]);
        SafetensorsWriter.Write(stream, tensors.Append((score, [1, 64])).Concat(more)
            .Select(t => new TensorToWrite(t.Name, SafetensorsDType.BF16, t.Shape, (_, destination) => destination.Fill(0.25f))));
    }

    // Every field we write has PEFT's value; every field we leave out has the value that PEFT gives it by default.
    private static void CheckSameConfig(string golden, string written)
    {
        JsonObject expected = JsonNode.Parse(File.ReadAllText(golden))!.AsObject();
        JsonObject actual = JsonNode.Parse(File.ReadAllText(written))!.AsObject();
        foreach ((string? key, JsonNode? value) in actual)
        {
            Assert.True(expected.ContainsKey(key) && JsonNode.DeepEquals(expected[key], value),
                $"{key}: {value?.ToJsonString()}, PEFT wrote {expected[key]?.ToJsonString()}");
        }

        string[] notDefaultByNull = ["megatron_core", "peft_version", "qalora_group_size"];
        foreach ((string? key, JsonNode? value) in expected.Where(
            field => !actual.ContainsKey(field.Key) && !notDefaultByNull.Contains(field.Key)))
        {
            Assert.True(value is null or JsonObject { Count: 0 } || value.GetValueKind() == JsonValueKind.False,
                $"{key} = {value?.ToJsonString()} is left out");
        }
    }
}
