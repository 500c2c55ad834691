using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Rm.Formats.Hub;
using Rm.Training.Model;

namespace Rm.Training.Adapters;

/// <summary>
/// Writes adapter_config.json with the fields that every PEFT since 0.9 knows: older ones refuse fields that they do not know.
/// </summary>
internal static class AdapterConfigWriter
{
    private static readonly JsonWriterOptions Options = new()
    {
        Indented = true,
        NewLine = "\n",
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static byte[] Write(AdapterConfig config)
    {
        // PEFT keeps a repository's revision in a field of its own.
        var repo = HubRepo.Parse(HubRepoKind.Model, config.BaseModel ?? "");
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Options))
        {
            writer.WriteStartObject();
            writer.WriteStartObject("alpha_pattern");
            foreach ((string key, double alpha) in config.AlphaPattern)
            {
                WriteAlpha(writer, key, alpha);
            }

            writer.WriteEndObject();
            writer.WriteNull("auto_mapping");
            writer.WriteString("base_model_name_or_path", repo?.Id ?? config.BaseModel ?? "");
            writer.WriteString("bias", config.Biases switch
            {
                TrainedBiases.All => "all",
                TrainedBiases.OfAdaptedModules => "lora_only",
                _ => "none",
            });
            writer.WriteBoolean("fan_in_fan_out", false);
            writer.WriteBoolean("inference_mode", true);
            writer.WriteBoolean("init_lora_weights", true);
            writer.WriteNull("layers_pattern");
            writer.WriteNull("layers_to_transform");
            WriteAlpha(writer, "lora_alpha", config.Alpha);

            // Fields that older PEFT does not know, and refuses, are written where they say something.
            if (config.HasFactorBias)
            {
                writer.WriteBoolean("lora_bias", true);
            }

            writer.WriteNumber("lora_dropout", config.Dropout);
            WriteList(writer, "modules_to_save", config.ModulesToSave ?? AdapterConfig.HeadModules);
            writer.WriteString("peft_type", "LORA");
            writer.WriteNumber("r", config.Rank);
            writer.WriteStartObject("rank_pattern");
            foreach ((string key, int rank) in config.RankPattern)
            {
                writer.WriteNumber(key, rank);
            }

            writer.WriteEndObject();
            writer.WriteString("revision", repo?.Revision);
            WriteList(writer, "target_modules", config.TargetModules);
            writer.WriteString("task_type", config.TaskType);
            if (config.TrainableTokens.Count > 0)
            {
                writer.WriteStartObject("trainable_token_indices");
                writer.WriteStartArray("embed_tokens");
                foreach (int token in config.TrainableTokens)
                {
                    writer.WriteNumberValue(token);
                }

                writer.WriteEndArray();
                writer.WriteEndObject();
            }

            writer.WriteBoolean("use_dora", config.UseDora);
            writer.WriteBoolean("use_rslora", config.UseRsLora);
            writer.WriteEndObject();
        }

        return [.. buffer.WrittenSpan, (byte)'\n'];
    }

    // PEFT declares an integer and some readers insist on one.
    private static void WriteAlpha(Utf8JsonWriter writer, string name, double alpha)
    {
        if (alpha == Math.Floor(alpha) && alpha <= int.MaxValue)
        {
            writer.WriteNumber(name, (long)alpha);
        }
        else
        {
            writer.WriteNumber(name, alpha);
        }
    }

    private static void WriteList(Utf8JsonWriter writer, string name, IReadOnlyList<string> items)
    {
        writer.WriteStartArray(name);
        foreach (string item in items)
        {
            writer.WriteStringValue(item);
        }

        writer.WriteEndArray();
    }
}
