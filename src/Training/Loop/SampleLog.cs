using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Rm.Formats.Files;
using Rm.Formats.Rendering;
using Rm.Formats.Tokenization;
using Rm.Training.Evaluation;

namespace Rm.Training.Loop;

/// <summary>Writes <c>samples.jsonl</c>: the first evaluation pairs with their texts and rewards, at every evaluation.</summary>
/// <param name="path">The file.</param>
/// <param name="pairs">Evaluation pairs.</param>
/// <param name="count">How many of them are written.</param>
/// <param name="encoder">Turns ids back into text; null writes ids only.</param>
internal sealed class SampleLog(string path, IReadOnlyList<PreferencePair> pairs, int count, ITextEncoder? encoder)
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Removes lines that a resumed run will write anew.</summary>
    public void TruncateAfter(int step)
    {
        using var log = AppendOnlyLog.Open(path);
        log.TruncateAfter(step);
    }

    /// <summary>Appends one line for each sample.</summary>
    public void Write(int step, PairRewards rewards)
    {
        using var log = AppendOnlyLog.Open(path);
        for (int i = 0; i < Math.Min(count, pairs.Count); i++)
        {
            log.Append(Line(step, pairs[i], rewards.Chosen[i], rewards.Rejected[i]));
        }

        log.Sync();
    }

    private string Line(int step, PreferencePair pair, float chosen, float rejected)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, Options))
        {
            writer.WriteStartObject();
            writer.WriteNumber("step", step);
            writer.WriteString("file", pair.SourceFile);
            writer.WriteNumber("line", pair.SourceLine);
            writer.WriteNumber("chosen_reward", chosen);
            writer.WriteNumber("rejected_reward", rejected);
            WriteTokens(writer, "chosen", pair.Chosen);
            WriteTokens(writer, "rejected", pair.Rejected);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private void WriteTokens(Utf8JsonWriter writer, string name, int[] ids)
    {
        if (encoder is not null)
        {
            writer.WriteString(name, encoder.Decode(ids));
        }

        writer.WriteStartArray(name + "_ids");
        foreach (int id in ids)
        {
            writer.WriteNumberValue(id);
        }

        writer.WriteEndArray();
    }
}
