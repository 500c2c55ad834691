using System.Text.Json;
using Rm.Formats;
using Rm.Formats.ChatTemplates;
using Rm.Formats.Json;
using Rm.Training.Loop;

namespace Rm.Host.Trl;

/// <summary>A checkpoint's trainer_state.json as transformers reads it.</summary>
/// <param name="settings">Settings.</param>
/// <param name="steps">Steps of the run.</param>
/// <param name="epochs">Epochs that the run begins.</param>
/// <param name="step">Steps done.</param>
/// <param name="epoch">Epochs gone by.</param>
/// <param name="best">Best value and its step, or null.</param>
/// <param name="history">The log.</param>
internal sealed class TrlTrainerState(
    TrlSettings settings, int steps, int epochs, int step, double epoch, (double Value, int Step)? best, IReadOnlyList<TrlLogEntry> history)
{
    /// <summary>Name of the file.</summary>
    public const string FileName = TrainerState.FileName;

    private const string HistoryName = "log_history";

    /// <summary>The file's content.</summary>
    public byte[] ToJson()
    {
        using var buffer = new MemoryStream();
        using (var w = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            w.WriteStartObject();
            Number(w, "best_global_step", best?.Step);
            Float(w, "best_metric", best?.Value);
            w.WriteString("best_model_checkpoint", best is { } b
                ? Path.Combine(settings.OutputDir, TrlOutput.Layout.CheckpointPrefix + b.Step) : null);
            Float(w, "epoch", epoch);
            Number(w, "eval_steps", Interval(settings.Evaluation));
            w.WriteNumber("global_step", step);
            w.WriteBoolean("is_hyper_param_search", false);
            w.WriteBoolean("is_local_process_zero", true);
            w.WriteBoolean("is_world_process_zero", true);
            w.WriteStartArray(HistoryName);
            foreach (TrlLogEntry entry in history)
            {
                entry.Write(w);
            }

            w.WriteEndArray();
            Number(w, "logging_steps", Interval(settings.Logging));
            w.WriteNumber("max_steps", steps);
            w.WriteNumber("num_input_tokens_seen", 0);
            w.WriteNumber("num_train_epochs", epochs);
            Number(w, "save_steps", Interval(settings.Saving));
            w.WriteStartObject("stateful_callbacks");
            w.WriteEndObject();
            w.WriteNumber("train_batch_size", settings.BatchSize);
            w.WriteNull("trial_name");
            w.WriteNull("trial_params");
            w.WriteEndObject();
        }

        return buffer.ToArray();
    }

    /// <summary>The log of a file. Throws <see cref="UserInputException"/>.</summary>
    public static IReadOnlyList<TrlLogEntry> ReadHistory(string path)
    {
        JsonElement root = JsonInput.ParseObject(JsonInput.ReadFile(path), path);
        return root.TryGetProperty(HistoryName, out JsonElement history) && history.ValueKind == JsonValueKind.Array
            ? [.. history.EnumerateArray().Select(entry =>
                TrlLogEntry.Read(entry) ?? throw new UserInputException($"{path}: {HistoryName} has an entry that is no line of figures."))]
            : throw new UserInputException($"{path}: has no {HistoryName}.");
    }

    private int? Interval(TrlInterval interval) => interval.Every > 0 ? interval.Of(steps) : null;

    private static void Number(Utf8JsonWriter writer, string name, int? value)
    {
        if (value is { } number)
        {
            writer.WriteNumber(name, number);
        }
        else
        {
            writer.WriteNull(name);
        }
    }

    private static void Float(Utf8JsonWriter writer, string name, double? value)
    {
        writer.WritePropertyName(name);
        writer.WriteRawValue(value is { } number ? PythonText.Float(number) : "null");
    }
}
