using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Rm.Formats.Hub;

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
        HubRepo? repo = HubRepo.Parse(HubRepoKind.Model, config.BaseModel ?? "");
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Options))
        {
            writer.WriteStartObject();
            writer.WriteStartObject("alpha_pattern");
            writer.WriteEndObject();
            writer.WriteNull("auto_mapping");
            writer.WriteString("base_model_name_or_path", repo?.Id ?? config.BaseModel ?? "");
            writer.WriteString("bias", "none");
            writer.WriteBoolean("fan_in_fan_out", false);
            writer.WriteBoolean("inference_mode", true);
            writer.WriteBoolean("init_lora_weights", true);
            writer.WriteNull("layers_pattern");
            writer.WriteNull("layers_to_transform");
            WriteAlpha(writer, config.Alpha);
            writer.WriteNumber("lora_dropout", config.Dropout);
            WriteList(writer, "modules_to_save", config.ModulesToSave ?? AdapterConfig.HeadModules);
            writer.WriteString("peft_type", "LORA");
            writer.WriteNumber("r", config.Rank);
            writer.WriteStartObject("rank_pattern");
            writer.WriteEndObject();
            writer.WriteString("revision", repo?.Revision);
            WriteList(writer, "target_modules", config.TargetModules);
            writer.WriteString("task_type", config.TaskType);
            writer.WriteBoolean("use_dora", false);
            writer.WriteBoolean("use_rslora", config.UseRsLora);
            writer.WriteEndObject();
        }

        return [.. buffer.WrittenSpan, (byte)'\n'];
    }

    // PEFT declares an integer and some readers insist on one.
    private static void WriteAlpha(Utf8JsonWriter writer, double alpha)
    {
        if (alpha == Math.Floor(alpha) && alpha <= int.MaxValue)
        {
            writer.WriteNumber("lora_alpha", (long)alpha);
        }
        else
        {
            writer.WriteNumber("lora_alpha", alpha);
        }
    }

    private static void WriteList(Utf8JsonWriter writer, string name, IReadOnlyList<string> items)
    {
        writer.WriteStartArray(name);
        foreach (var item in items)
        {
            writer.WriteStringValue(item);
        }

        writer.WriteEndArray();
    }
}
