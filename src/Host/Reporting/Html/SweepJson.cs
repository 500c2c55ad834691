using System.Text.Json;
using Rm.Formats;
using Rm.Training.Statistics;

namespace Rm.Host.Reporting.Html;

/// <summary>A folder of runs as the data of its overview.</summary>
internal static class SweepJson
{
    // Curves lie over each other: fewer points do.
    private const int MostRows = 240;

    private static readonly (string Table, string Column)[] Curves =
    [
        ("eval", "accuracy"), ("eval", "loss"), ("eval", "margin"), ("eval", "ece"), ("train", "loss"), ("train", "grad_norm"),
        ("train", "learning_rate"),
    ];

    /// <summary>Runs in a folder, in the order of their names.</summary>
    public static IReadOnlyList<string> RunsIn(string folder) =>
        Directory.Exists(folder) ? [.. Directory.EnumerateDirectories(folder).Where(RunData.IsRun).Order(StringComparer.Ordinal)] : [];

    /// <summary>Writes the runs as one object; <paramref name="link"/> gives the address of a run's own page.</summary>
    public static void Write(Utf8JsonWriter writer, string title, IReadOnlyList<string> folders, Func<string, string> link)
    {
        var runs = new RunSummary[folders.Count];
        writer.WriteStartObject();
        writer.WriteString("kind", "sweep");
        writer.WriteString("title", title);
        writer.WriteString("btrm", BtrmVersion.Text);
        writer.WriteStartArray("runs");
        var settings = new List<Dictionary<string, string>>();
        for (int i = 0; i < folders.Count; i++)
        {
            var data = RunData.Read(folders[i], MostRows);
            runs[i] = new RunSummary(data);
            settings.Add(SettingsOf(data.Run));
            WriteRun(writer, data, runs[i], link(folders[i]));
        }

        writer.WriteEndArray();
        WriteSettings(writer, settings);
        writer.WriteEndObject();
    }

    private static void WriteRun(Utf8JsonWriter writer, RunData data, RunSummary run, string link)
    {
        writer.WriteStartObject();
        writer.WriteString("name", data.Name);
        writer.WriteString("link", link);
        writer.WriteString("status", run.Status);
        JsonNumbers.Field(writer, "step", run.Step);
        JsonNumbers.Field(writer, "best_step", run.BestStep);
        WriteAccuracy(writer, "best", run.BestAccuracy);
        WriteAccuracy(writer, "last", run.LastAccuracy);
        foreach (string name in new[] { "loss", "margin", "ece" })
        {
            JsonNumbers.Field(writer, name, run.LastEval(name));
        }

        JsonNumbers.Field(writer, "tokens_per_second", run.TokensPerSecond);
        JsonNumbers.Field(writer, "seconds", run.Seconds);
        writer.WriteStartObject("curves");
        foreach ((string table, string column) in Curves)
        {
            ThinnedTable source = table == "eval" ? data.Metrics.Eval : data.Metrics.Train;
            if (source.Column(column) is { } values)
            {
                writer.WriteStartObject($"{table}_{column}");
                JsonNumbers.Array(writer, "x", source.Column("step")!);
                JsonNumbers.Array(writer, "y", values);
                writer.WriteEndObject();
            }
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteAccuracy(Utf8JsonWriter writer, string name, AccuracyEstimate? accuracy)
    {
        JsonNumbers.Field(writer, $"{name}_accuracy", accuracy?.Value);
        JsonNumbers.Field(writer, $"{name}_low", accuracy?.Low);
        JsonNumbers.Field(writer, $"{name}_high", accuracy?.High);
    }

    // Settings in which the runs differ are columns of the table; the others are what they share.
    private static void WriteSettings(Utf8JsonWriter writer, List<Dictionary<string, string>> settings)
    {
        string[] names = [.. settings.SelectMany(s => s.Keys).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        string[] different =
            [.. names.Where(name => settings.Select(s => s.GetValueOrDefault(name)).Distinct(StringComparer.Ordinal).Count() > 1)];
        writer.WriteStartObject("different");
        foreach (string name in different)
        {
            writer.WriteStartArray(name);
            settings.ForEach(s => writer.WriteStringValue(s.GetValueOrDefault(name)));
            writer.WriteEndArray();
        }

        writer.WriteEndObject();
        writer.WriteStartObject("settings");
        foreach (string name in names.Except(different))
        {
            writer.WriteString(name, settings[0].GetValueOrDefault(name));
        }

        writer.WriteEndObject();
    }

    private static Dictionary<string, string> SettingsOf(JsonElement run)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        if (run.TryGetProperty("settings", out JsonElement value) && value.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty property in value.EnumerateObject().Where(p => p.Value.ValueKind == JsonValueKind.String))
            {
                settings[property.Name] = property.Value.GetString()!;
            }
        }

        return settings;
    }
}
