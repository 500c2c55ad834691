using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Files;

namespace Rm.Host.Reporting.Html;

/// <summary>
/// The pairs of samples.jsonl for a page: their texts and token ids once, their rewards at every evaluation. Bounded: so many pairs, so
/// much of each.
/// </summary>
internal sealed class RunSamples
{
    private const int MostPairs = 40;
    private const int MostCharacters = 8_000;
    private const int MostIds = 2048;
    private const int MostEvaluations = 400;

    private readonly List<Sample> _samples = [];
    private readonly Dictionary<string, Sample> _byPlace = new(StringComparer.Ordinal);

    /// <summary>Pairs that were left out.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Pairs.</summary>
    public int Count => _samples.Count;

    /// <summary>Reads the file; none is no samples. Throws <see cref="UserInputException"/> naming file and line.</summary>
    public static RunSamples Read(string path)
    {
        var samples = new RunSamples();
        foreach (JsonElement line in RunLog.Read(path))
        {
            samples.Add(line);
        }

        return samples;
    }

    /// <summary>Writes the pairs as a list.</summary>
    public void Write(Utf8JsonWriter writer, string name)
    {
        writer.WriteStartArray(name);
        foreach (Sample sample in _samples)
        {
            sample.Write(writer);
        }

        writer.WriteEndArray();
    }

    private void Add(JsonElement line)
    {
        string place = $"{Text(line, "file")}:{(line.TryGetProperty("line", out JsonElement number) ? number.GetRawText() : "")}";
        if (!_byPlace.TryGetValue(place, out Sample? sample))
        {
            if (_samples.Count == MostPairs)
            {
                IsCut = true;
                return;
            }

            sample = new Sample(place, new Side(line, "chosen"), new Side(line, "rejected"));
            _samples.Add(sample);
            _byPlace.Add(place, sample);
        }

        if (sample.Rewards.Count < MostEvaluations)
        {
            sample.Rewards.Add([AppendOnlyLog.StepOf(line) ?? 0, Number(line, "chosen_reward"), Number(line, "rejected_reward")]);
        }
    }

    private static string? Text(JsonElement line, string name) =>
        line.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static double Number(JsonElement line, string name) =>
        line.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number)
            ? number
            : double.NaN;

    private sealed record Sample(string Place, Side Chosen, Side Rejected)
    {
        public List<double[]> Rewards { get; } = [];

        public void Write(Utf8JsonWriter writer)
        {
            writer.WriteStartObject();
            writer.WriteString("place", Place);
            Chosen.Write(writer, "chosen");
            Rejected.Write(writer, "rejected");
            writer.WriteStartArray("rewards");
            foreach (double[] row in Rewards)
            {
                writer.WriteStartArray();
                foreach (double value in row)
                {
                    JsonNumbers.Value(writer, value);
                }

                writer.WriteEndArray();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }
    }

    private sealed class Side
    {
        private readonly string? _text;
        private readonly int[] _ids;
        private readonly bool _textCut;
        private readonly int _idCount;

        public Side(JsonElement line, string name)
        {
            string? text = Text(line, name);
            _textCut = text?.Length > MostCharacters;
            _text = _textCut ? WholeCharacters(text!) : text;
            JsonElement[] ids = line.TryGetProperty(name + "_ids", out JsonElement list) && list.ValueKind == JsonValueKind.Array
                ? [.. list.EnumerateArray()]
                : [];
            _idCount = ids.Length;
            _ids = [.. ids.Take(MostIds).Select(id => id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out int value) ? value : -1)];
        }

        public void Write(Utf8JsonWriter writer, string name)
        {
            writer.WriteStartObject(name);
            writer.WriteString("text", _text);
            writer.WriteBoolean("text_cut", _textCut);
            writer.WriteNumber("tokens", _idCount);
            writer.WriteStartArray("ids");
            foreach (int id in _ids)
            {
                writer.WriteNumberValue(id);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        private static string WholeCharacters(string text) =>
            text[..(char.IsHighSurrogate(text[MostCharacters - 1]) ? MostCharacters - 1 : MostCharacters)];
    }
}
