using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Rm.Formats.Json;

namespace Rm.Training.Model;

/// <summary>Writes config.json of a SequenceClassification folder in the spelling of the source, or all of it for a named shape.</summary>
internal static class ModelConfigWriter
{
    private static readonly JsonWriterOptions Options = new()
    {
        Indented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static byte[] Write(ModelConfig config, string? torchDType, int? padTokenId)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Options))
        {
            writer.WriteStartObject();
            WriteHead(writer, config);
            if (padTokenId is { } pad)
            {
                writer.WriteNumber("pad_token_id", pad);
            }

            if (config.SourceJson.IsEmpty)
            {
                WriteShape(writer, config, torchDType, padTokenId is null);
            }
            else
            {
                CopySource(writer, config.SourceJson, torchDType, padTokenId is null);
            }

            writer.WriteEndObject();
        }

        return [.. buffer.WrittenSpan, (byte)'\n'];
    }

    private static void WriteHead(Utf8JsonWriter writer, ModelConfig config)
    {
        writer.WriteStartArray("architectures");
        writer.WriteStringValue($"{config.Family.ClassName}ForSequenceClassification");
        writer.WriteEndArray();
        writer.WriteStartObject("id2label");
        writer.WriteString("0", "LABEL_0");
        writer.WriteEndObject();
        writer.WriteStartObject("label2id");
        writer.WriteNumber("LABEL_0", 0);
        writer.WriteEndObject();
        writer.WriteNumber("num_labels", 1);

        // Without it some trainers and servers take a head of one label for a classifier of one class.
        writer.WriteString("problem_type", "regression");
    }

    private static void CopySource(Utf8JsonWriter writer, ReadOnlyMemory<byte> source, string? torchDType, bool keepPad)
    {
        JsonElement root = JsonInput.ParseObject(source, ModelConfig.FileName);
        bool typeWritten = false;
        foreach (JsonProperty property in root.EnumerateObject())
        {
            switch (property.Name)
            {
                // auto_map names Python files that are not copied along; weights are always written plainly.
                case "quantization_config":
                    break;
                case "architectures" or "id2label" or "label2id" or "num_labels" or "problem_type" or "auto_map":
                case "pad_token_id" when !keepPad:
                    break;
                case "dtype" or "torch_dtype" when torchDType is not null:
                    writer.WriteString(property.Name, torchDType);
                    typeWritten = true;
                    break;
                default:
                    property.WriteTo(writer);
                    break;
            }
        }

        if (torchDType is not null && !typeWritten)
        {
            writer.WriteString("torch_dtype", torchDType); // the spelling that every version of transformers reads
        }
    }

    private static void WriteShape(Utf8JsonWriter writer, ModelConfig config, string? torchDType, bool writePad)
    {
        writer.WriteString("model_type", config.Family.ModelType);
        writer.WriteNumber("vocab_size", config.VocabSize);
        writer.WriteNumber("hidden_size", config.HiddenSize);
        writer.WriteNumber("num_hidden_layers", config.Layers);
        writer.WriteNumber("num_attention_heads", config.Heads);
        writer.WriteNumber("num_key_value_heads", config.KvHeads);
        writer.WriteNumber("head_dim", config.HeadDim);
        writer.WriteNumber("intermediate_size", config.IntermediateSize);
        writer.WriteString("hidden_act", "silu");
        writer.WriteNumber("rms_norm_eps", config.RmsNormEps);
        writer.WriteNumber("rope_theta", config.RopeTheta);
        WriteScaling(writer, config.RopeScaling);
        WriteDeltaNets(writer, config);
        WriteExperts(writer, config);
        writer.WriteNumber("max_position_embeddings", config.MaxPositionEmbeddings);
        writer.WriteBoolean("tie_word_embeddings", config.TieWordEmbeddings);
        writer.WriteNumber("initializer_range", config.InitializerRange);
        WriteId(writer, "bos_token_id", config.BosTokenId);
        writer.WriteStartArray("eos_token_id");
        foreach (int id in config.EosTokenIds)
        {
            writer.WriteNumberValue(id);
        }

        writer.WriteEndArray();
        if (writePad)
        {
            WriteId(writer, "pad_token_id", config.PadTokenId);
        }

        writer.WriteString("torch_dtype", torchDType ?? config.TorchDType ?? "float32");
    }

    private static void WriteDeltaNets(Utf8JsonWriter writer, ModelConfig config)
    {
        if (config.DeltaNet is not { Rule: var rule } delta)
        {
            return;
        }

        writer.WriteNumber("partial_rotary_factor", config.RopeScaling.PartialFactor);
        writer.WriteStartArray("layer_types");
        for (int layer = 0; layer < config.Layers; layer++)
        {
            writer.WriteStringValue(config.IsDeltaLayer(layer) ? "linear_attention" : "full_attention");
        }

        writer.WriteEndArray();
        writer.WriteNumber("linear_num_key_heads", rule.KeyHeads);
        writer.WriteNumber("linear_num_value_heads", rule.ValueHeads);
        writer.WriteNumber("linear_key_head_dim", rule.KeyDim);
        writer.WriteNumber("linear_value_head_dim", rule.ValueDim);
        writer.WriteNumber("linear_conv_kernel_dim", delta.ConvolutionWidth);
    }

    private static void WriteExperts(Utf8JsonWriter writer, ModelConfig config)
    {
        if (config.Experts is not { } experts)
        {
            return;
        }

        writer.WriteNumber("num_experts", experts.Count);
        writer.WriteNumber("num_experts_per_tok", experts.Chosen);
        writer.WriteNumber("moe_intermediate_size", experts.Width);
        writer.WriteBoolean("norm_topk_prob", experts.Normalizes);
        writer.WriteStartArray("mlp_only_layers");
        for (int layer = 0; layer < config.Layers; layer++)
        {
            if (!config.IsMixtureLayer(layer))
            {
                writer.WriteNumberValue(layer);
            }
        }

        writer.WriteEndArray();
    }

    private static void WriteScaling(Utf8JsonWriter writer, RopeScaling scaling)
    {
        if (scaling.Kind == RopeScalingKind.None)
        {
            return;
        }

        writer.WriteStartObject("rope_scaling");
        writer.WriteString("rope_type", scaling.Kind == RopeScalingKind.Linear ? "linear" : "llama3");
        writer.WriteNumber("factor", scaling.Factor);
        if (scaling.Kind == RopeScalingKind.Llama3)
        {
            writer.WriteNumber("low_freq_factor", scaling.LowFreqFactor);
            writer.WriteNumber("high_freq_factor", scaling.HighFreqFactor);
            writer.WriteNumber("original_max_position_embeddings", scaling.OriginalMaxPositionEmbeddings);
        }

        writer.WriteEndObject();
    }

    private static void WriteId(Utf8JsonWriter writer, string name, int? id)
    {
        if (id is { } value)
        {
            writer.WriteNumber(name, value);
        }
        else
        {
            writer.WriteNull(name);
        }
    }
}
