using System.Text.Json;
using Rm.Formats;
using Rm.Training.Statistics;

namespace Rm.Host.Reporting.Html;

/// <summary>A run as the data of its page.</summary>
internal static class RunJson
{
    // Everything that run.json says, but for the parts that are shown by themselves.
    private static readonly string[] Parts = ["data_report", "settings"];

    /// <summary>Writes the run as one object.</summary>
    public static void Write(Utf8JsonWriter writer, RunData run)
    {
        var summary = new RunSummary(run);
        writer.WriteStartObject();
        writer.WriteString("kind", "run");
        writer.WriteString("title", run.Name);
        writer.WriteString("btrm", BtrmVersion.Text);
        writer.WriteString("status", summary.Status);
        WriteAbout(writer, run.Run);
        writer.WriteStartArray("figures");
        foreach (Figure figure in summary.Figures())
        {
            figure.Write(writer);
        }

        writer.WriteEndArray();
        JsonNumbers.Table(writer, "train", run.Metrics.Train);
        JsonNumbers.Table(writer, "eval", run.Metrics.Eval);
        WriteRows(writer, run);
        foreach (string part in Parts)
        {
            if (run.Run.TryGetProperty(part, out JsonElement value))
            {
                writer.WritePropertyName(part);
                value.WriteTo(writer);
            }
        }

        run.Samples.Write(writer, "samples");
        writer.WriteBoolean("samples_cut", run.Samples.IsCut);
        writer.WriteEndObject();
    }

    private static void WriteAbout(Utf8JsonWriter writer, JsonElement run)
    {
        JsonElement? model = run.TryGetProperty("model", out JsonElement value) ? value : null;
        writer.WriteStartObject("about");
        writer.WriteString("model", RunSummary.Text(model, "name"));
        writer.WriteString("family", RunSummary.Text(model, "family"));
        foreach (string name in new[] { "device", "host", "started", "runtime", "btrm_version" })
        {
            writer.WriteString(name, RunSummary.Text(run, name));
        }

        writer.WriteEndObject();
    }

    private static void WriteRows(Utf8JsonWriter writer, RunData run)
    {
        writer.WriteStartObject("rows");
        float[] rewards = [.. run.Best.Concat(run.Last).SelectMany(row => new[] { row.ChosenReward, row.RejectedReward })];
        foreach ((string name, IReadOnlyList<EvalRow> rows) in new[] { ("best", run.Best), ("last", run.Last) })
        {
            if (rows.Count > 0)
            {
                EvalRowFigures.Write(writer, name, rows, rewards.Min(), rewards.Max());
            }
        }

        writer.WriteEndObject();
    }
}
