using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rm.Formats;
using Rm.Training.Model;

namespace Rm.Host.Tests.Model;

public sealed class ModelConfigTests
{
    private const string Qwen = """
        {"architectures":["Qwen2ForCausalLM"],"model_type":"qwen2","vocab_size":100,"hidden_size":64,"intermediate_size":160,
         "num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":2048}
        """;

    private const string Llama = """
        {"architectures":["LlamaForCausalLM"],"model_type":"llama","vocab_size":100,"hidden_size":64,"intermediate_size":160,
         "num_hidden_layers":2,"num_attention_heads":4,"max_position_embeddings":2048}
        """;

    public static TheoryData<string> GoldenModels =>
        [.. Directory.EnumerateFiles(Path.Combine(TestPaths.Golden, "cases"), "config.json", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(TestPaths.Golden, Path.GetDirectoryName(path)!)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(GoldenModels))]
    public void A_folder_of_transformers_is_read_and_its_weights_fit(string name)
    {
        string folder = Path.Combine(TestPaths.Golden, name);
        var config = ModelConfig.Load(folder);
        using var weights = CheckpointWeights.Open(folder, config);
        Assert.True(weights.HasScore);
        Assert.True(config.IsSequenceClassification);
        Assert.Empty(config.Warnings);
        Assert.Equal("float32", config.TorchDType);
        Assert.Equal(0, config.PadTokenId);
        Assert.Equal(name.StartsWith("cases/qwen2", StringComparison.Ordinal), config.QkvBias);
        Assert.Equal(name.StartsWith("cases/qwen3", StringComparison.Ordinal), config.QkNorm);
    }

    [Fact]
    public void Every_field_of_a_file_is_read()
    {
        var llama = ModelConfig.Load(Path.Combine(TestPaths.Golden, "cases", "llama-tiny", "model"));
        Assert.Equal(
            (ModelFamily.Llama, 400, 96, 2, 6, 2, 16, 256, 1e-5f, 100_000d, RopeScaling.None, true, 0.02, 2048),
            (llama.Family, llama.VocabSize, llama.HiddenSize, llama.Layers, llama.Heads, llama.KvHeads, llama.HeadDim,
                llama.IntermediateSize,
                llama.RmsNormEps, llama.RopeTheta, llama.RopeScaling, llama.TieWordEmbeddings, llama.InitializerRange,
                llama.MaxPositionEmbeddings));
        Assert.Equal((1, 2), (llama.BosTokenId, Assert.Single(llama.EosTokenIds)));
        var qwen3 = ModelConfig.Load(Path.Combine(TestPaths.Golden, "cases", "qwen3-tiny", "model"));
        Assert.Equal((32, 64), (qwen3.HeadDim, qwen3.HiddenSize)); // explicit: not hidden / heads
    }

    [Fact]
    public void Absent_fields_take_the_defaults_of_transformers()
    {
        ModelConfig qwen = Parse(Qwen);
        Assert.Equal((1e-6f, 10000d, false, 0.02, 16, null),
            (qwen.RmsNormEps, qwen.RopeTheta, qwen.TieWordEmbeddings, qwen.InitializerRange, qwen.HeadDim, qwen.PadTokenId));
        Assert.Equal(4, Parse(Llama).KvHeads);
        ModelConfig qwen3 = Parse(Qwen.Replace("wen2", "wen3", StringComparison.Ordinal));
        Assert.Equal((128, true, false), (qwen3.HeadDim, qwen3.QkNorm, qwen3.QkvBias));
    }

    [Theory]
    [InlineData("""{"rope_theta":500000.0,"rope_scaling":{"factor":32.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192,"rope_type":"llama3"}}""", RopeScalingKind.Llama3, 32)]
    [InlineData("""{"rope_parameters":{"rope_theta":500000.0,"factor":32.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":8192,"rope_type":"llama3"}}""", RopeScalingKind.Llama3, 32)]
    [InlineData("""{"rope_theta":500000.0,"rope_scaling":{"type":"linear","factor":2}}""", RopeScalingKind.Linear, 2)]
    [InlineData("""{"rope_theta":500000.0,"rope_scaling":null}""", RopeScalingKind.None, 1)]
    [InlineData("""{"rope_theta":500000,"rope_scaling":{"rope_type":"default"}}""", RopeScalingKind.None, 1)]
    [InlineData("""{"rope_parameters":{"rope_theta":500000.0}}""", RopeScalingKind.None, 1)]
    [InlineData("""{"rope_scaling":{"rope_type":"default","rope_theta":500000.0}}""", RopeScalingKind.None, 1)]
    [InlineData("""{"rope_scaling":{"type":"linear","factor":2,"rope_theta":500000.0}}""", RopeScalingKind.Linear, 2)]
    [InlineData("""{"rope_theta":500000.0,"rope_scaling":{"rope_type":"default","rope_theta":500000.0}}""", RopeScalingKind.None, 1)]
    public void Rotary_settings_are_read_in_both_spellings(string extra, RopeScalingKind kind, double factor)
    {
        ModelConfig config = Parse(Merge(Llama, extra));
        Assert.Equal(500_000, config.RopeTheta);
        Assert.Equal((kind, factor), (config.RopeScaling.Kind, config.RopeScaling.Factor));
        if (kind == RopeScalingKind.Llama3)
        {
            Assert.Equal(new RopeScaling(kind, 32, 1, 4, 8192), config.RopeScaling);
        }
    }

    [Theory]
    [InlineData("""{"original_max_position_embeddings":16,"rope_scaling":{"rope_type":"yarn","factor":4}}""", 16, 1, 0)]
    [InlineData("""{"original_max_position_embeddings":16,"rope_scaling":{"rope_type":"yarn","factor":4,"original_max_position_embeddings":32}}""", 16, 1, 0)]
    [InlineData("""{"rope_scaling":{"rope_type":"yarn","factor":4,"original_max_position_embeddings":32}}""", 32, 1, 0)]
    [InlineData("""{"partial_rotary_factor":0.5}""", 0, 1, 0)]
    [InlineData("""{"rope_parameters":{"rope_type":"default","rope_theta":777.0,"partial_rotary_factor":0.5}}""", 0, 1, 0)]
    [InlineData("""{"rope_parameters":{"rope_type":"proportional","rope_theta":777.0,"partial_rotary_factor":0.5}}""", 0, 0.5, 0)]
    [InlineData("""{"model_type":"phi3","architectures":["Phi3ForCausalLM"],"partial_rotary_factor":0.5}""", 0, 0.5, 0)]
    [InlineData("""{"rope_parameters":{"rope_type":"default","rope_theta":777.0,"llama_4_scaling_beta":0.1}}""", 0, 1, 0)]
    [InlineData("""{"model_type":"ministral3","architectures":["Ministral3ForCausalLM"],"rope_parameters":{"rope_type":"yarn","factor":4,"rope_theta":777.0,"llama_4_scaling_beta":0.1,"original_max_position_embeddings":16}}""", 16, 1, 0.1)]
    public void Rotary_settings_count_where_the_family_s_code_reads_them(string extra, int original, double partial, double growth)
    {
        RopeScaling scaling = Parse(Merge(Llama, extra)).RopeScaling;
        Assert.Equal((original, partial, growth), (scaling.OriginalMaxPositionEmbeddings, scaling.PartialFactor, scaling.QueryGrowth));
    }

    [Theory]
    [InlineData(Qwen, """{"layer_types":["full_attention","sliding_attention"]}""", "layer_types holds sliding_attention, but no sliding_window")]
    [InlineData(Qwen, """{"layer_types":["full_attention","linear_attention"]}""", "layer_types holds \"linear_attention\"")]
    [InlineData(Qwen, """{"layer_types":["full_attention"]}""", "layer_types has 1 entries for num_hidden_layers = 2")]
    [InlineData(Qwen, """{"rope_scaling":{"rope_type":"xpos","factor":4}}""", "rope_scaling.rope_type is \"xpos\"")]
    [InlineData(Qwen, """{"rope_scaling":{"rope_type":"dynamic","factor":4,"alpha":1000}}""", "rope_scaling.alpha is set")]
    [InlineData(Qwen, """{"mlp_bias":true}""", "mlp_bias is true")]
    [InlineData(Llama, """{"model_type":"phi3","architectures":["Phi3ForCausalLM"],"partial_rotary_factor":0.2}""", "partial_rotary_factor rotates")]
    [InlineData(Llama, """{"partial_rotary_factor":0.5,"rope_scaling":{"rope_type":"linear","factor":2}}""", "partial_rotary_factor is 0.5, but Llama rotates whole heads")]
    [InlineData(Llama, """{"rope_scaling":{"rope_type":"longrope","short_factor":[1],"long_factor":[1]}}""", "short_factor has 1 numbers")]
    [InlineData(Llama, """{"rope_parameters":{"full_attention":{"rope_type":"linear","factor":2}}}""", "rope_parameters differs by kind of layer; Llama rotates")]
    [InlineData(Llama, """{"model_type":"ministral3","architectures":["Ministral3ForCausalLM"]}""", "rope_parameters is missing; Ministral3")]
    [InlineData(Llama, """{"num_experts":4}""", "num_experts is set")]
    [InlineData(Qwen, """{"rope_parameters":{"rope_type":"longrope"}}""", "rope_parameters.short_factor is missing")]
    [InlineData(Qwen, """{"rope_scaling":{"factor":4}}""", "rope_scaling.rope_type is missing")]
    [InlineData(Qwen, """{"rope_scaling":{"type":"linear"}}""", "rope_scaling.factor is missing")]
    [InlineData(Qwen, """{"rope_scaling":{"type":"linear","factor":0}}""", "rope_scaling.factor is 0; expected a number from 1")]
    [InlineData(Qwen, """{"rope_scaling":{"type":"linear","factor":2},"rope_parameters":{"rope_type":"linear","factor":3}}""", "contradict each other")]
    [InlineData(Qwen, """{"rope_theta":1000000,"rope_parameters":{"rope_theta":10000}}""", "rope_parameters.rope_theta is 10000, but rope_theta is 1000000")]
    [InlineData(Qwen, """{"rope_theta":1000000,"rope_scaling":{"type":"default","rope_theta":10000}}""", "rope_scaling.rope_theta is 10000, but rope_theta is 1000000")]
    [InlineData(Llama, """{"rope_scaling":{"rope_type":"llama3","factor":8,"low_freq_factor":4,"high_freq_factor":1}}""", "low_freq_factor must be below")]
    [InlineData(Llama, """{"rope_scaling":{"rope_type":"llama3","factor":8,"high_freq_factor":1}}""", "low_freq_factor is missing")]
    [InlineData(Llama, """{"pretraining_tp":2}""", "pretraining_tp is above 1")]
    [InlineData(Llama, """{"hidden_act":"gelu"}""", "hidden_act is \"gelu\"")]
    [InlineData(Qwen, """{"is_causal":false}""", "is_causal is false")]
    [InlineData(Llama, """{"use_bidirectional_attention":true}""", "use_bidirectional_attention is set")]
    [InlineData(Llama, """{"per_layer_config":{"0":{}}}""", "per_layer_config is set")]
    [InlineData(Llama, """{"quantization_config":{"quant_method":"awq"}}""", "quantization_config.quant_method is \"awq\"")]
    [InlineData(Llama, """{"quantization_config":{"load_in_4bit":true,"bnb_4bit_quant_type":"fp4"}}""", "bnb_4bit_quant_type is \"fp4\"")]
    [InlineData(Llama, """{"quantization_config":{"quant_method":"compressed-tensors","format":"pack-quantized"}}""", "format is \"pack-quantized\"")]
    [InlineData(Llama, """{"architectures":["LlamaForTokenClassification"]}""", "architectures names LlamaForTokenClassification")]
    [InlineData(Llama, """{"architectures":["MistralForCausalLM"]}""", "architectures names MistralForCausalLM")]
    [InlineData(Llama, """{"architectures":["Qwen2ForCausalLM"]}""", "architectures names Qwen2ForCausalLM, but model_type is \"llama\"")]
    [InlineData(Llama, """{"model_type":"mistral"}""", "model_type is \"mistral\"")]
    [InlineData(Llama, """{"model_type":null,"architectures":null}""", "model_type is missing")]
    [InlineData(Llama, """{"architectures":["LlamaForSequenceClassification"],"num_labels":2}""", "gives 2 labels")]
    [InlineData(Llama, """{"architectures":["LlamaForSequenceClassification"],"id2label":{"0":"a","1":"b","2":"c"}}""", "gives 3 labels")]
    [InlineData(Llama, """{"architectures":["LlamaForSequenceClassification"],"num_labels":4}""", "gives 4 labels")]
    [InlineData(Llama, """{"num_key_value_heads":3}""", "num_key_value_heads is 3, which does not divide num_attention_heads = 4")]
    [InlineData(Llama, """{"num_attention_heads":5}""", "hidden_size is 64, not a multiple of num_attention_heads = 5")]
    [InlineData(Llama, """{"head_dim":15}""", "head_dim is 15; rotary embedding needs an even width")]
    [InlineData(Llama, """{"hidden_size":null}""", "hidden_size is missing")]
    [InlineData(Llama, """{"hidden_size":64.5}""", "hidden_size is 64.5; expected a whole number")]
    [InlineData(Llama, """{"vocab_size":-1}""", "vocab_size is -1; expected a whole number")]
    [InlineData(Llama, """{"num_hidden_layers":1000000000}""", "num_hidden_layers is 1000000000; expected a whole number from 1 to 4096")]
    [InlineData(Llama, """{"rms_norm_eps":"1e-5"}""", "rms_norm_eps is \"1e-5\"; expected a number")]
    [InlineData(Llama, """{"tie_word_embeddings":1}""", "tie_word_embeddings is 1; expected true or false")]
    [InlineData(Llama, """{"eos_token_id":["a"]}""", "eos_token_id is [\"a\"]; expected a token id")]
    [InlineData(Llama, """{"architectures":[1]}""", "architectures is [1]; expected a list of texts")]
    public void What_cannot_be_computed_is_an_error_that_names_the_field(string config, string extra, string message)
    {
        UserInputException error = Assert.Throws<UserInputException>(() => Parse(Merge(config, extra)));
        Assert.StartsWith("config.json: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"use_sliding_window":false,"sliding_window":1024,"max_window_layers":0}""")]
    [InlineData("""{"use_sliding_window":true,"sliding_window":null}""")]
    [InlineData("""{"use_sliding_window":true,"sliding_window":2048,"max_window_layers":0}""")]
    [InlineData("""{"use_sliding_window":true,"sliding_window":1024,"max_window_layers":2}""")]
    [InlineData("""{"architectures":["Qwen2Model"],"hidden_act":"swish","unknown":{"a":1}}""")]
    [InlineData("""{"architectures":["Qwen2ForSequenceClassification"],"num_labels":1}""")]
    [InlineData("""{"architectures":["Qwen2ForSequenceClassification"]}""")]
    [InlineData("""{"layer_types":["attention","full_attention"],"is_causal":true}""")]
    public void Settings_without_effect_are_accepted(string extra) => Assert.Empty(Parse(Merge(Qwen, extra)).Warnings);

    [Fact]
    public void Settings_that_are_left_out_are_warned_of()
    {
        Assert.Contains("attention_dropout = 0.1", Assert.Single(Parse(Merge(Qwen, """{"attention_dropout":0.1}""")).Warnings), StringComparison.Ordinal);
        Assert.Contains("auto_map", Assert.Single(Parse(Merge(Qwen, """{"auto_map":{"AutoModel":"x.Y"}}""")).Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(GoldenModels))]
    public void A_written_config_is_the_source_with_a_reward_head(string name)
    {
        var config = ModelConfig.Load(Path.Combine(TestPaths.Golden, name));
        JsonObject written = JsonNode.Parse(config.ToJson())!.AsObject();
        JsonObject source = JsonNode.Parse(File.ReadAllText(Path.Combine(TestPaths.Golden, name, "config.json")))!.AsObject();
        Assert.Equal(1, (int)written["num_labels"]!);
        Assert.Equal("regression", (string)written["problem_type"]!);
        written.Remove("num_labels");
        written.Remove("problem_type");
        source.Remove("problem_type");
        Assert.True(JsonNode.DeepEquals(source, written), written.ToJsonString());
    }

    [Fact]
    public void A_causal_config_becomes_a_reward_model_s_and_keeps_what_it_does_not_know()
    {
        string source = Merge(Qwen, """{"torch_dtype":"float32","surprise":{"a":[1,2]},"pad_token_id":null,"auto_map":{"A":"b"}}""");
        byte[] written = Parse(source).ToJson("bfloat16", 7);
        JsonNode json = JsonNode.Parse(written)!;
        Assert.Equal("bfloat16", (string)json["torch_dtype"]!);
        Assert.Equal(7, (int)json["pad_token_id"]!);
        Assert.Equal("[1,2]", json["surprise"]!["a"]!.ToJsonString());
        Assert.Null(json["auto_map"]);
        var again = ModelConfig.Parse(written, "config.json");
        Assert.Equal("Qwen2ForSequenceClassification", again.Architecture);
        Assert.True(again.IsSequenceClassification);
        Assert.Equal(64, again.HiddenSize);
    }

    [Fact]
    public void A_named_shape_is_written_and_read_back()
    {
        foreach (string name in ModelShapes.Names)
        {
            ModelConfig shape = ModelShapes.Get(name);
            var again = ModelConfig.Parse(shape.ToJson("bfloat16", 3), name);
            Assert.Equal(
                shape,
                again with
                {
                    SourceJson = default,
                    Architecture = null,
                    TorchDType = null,
                    PadTokenId = null,
                    EosTokenIds = shape.EosTokenIds,
                    Warnings = shape.Warnings
                });
        }
    }

    internal static string Merge(string config, string extra)
    {
        JsonObject merged = JsonNode.Parse(config)!.AsObject();
        foreach ((string? key, JsonNode? value) in JsonNode.Parse(extra)!.AsObject())
        {
            merged[key] = value?.DeepClone();
        }

        return merged.ToJsonString(
            new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }

    private static ModelConfig Parse(string json) => ModelConfig.Parse(Encoding.UTF8.GetBytes(json), "config.json");
}
