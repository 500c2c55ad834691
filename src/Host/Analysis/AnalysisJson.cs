using System.Text.Json;
using Rm.Formats;
using Rm.Training.Statistics;

namespace Rm.Host.Analysis;

/// <summary>Writes an analysis as JSON: everything, numbers in full, null where there is none.</summary>
public static class AnalysisJson
{
    /// <summary>UTF-8, indented.</summary>
    public static byte[] Write(AnalysisReport report)
    {
        using var buffer = new MemoryStream();
        using (var w = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            w.WriteStartObject();
            w.WriteString("btrm_version", BtrmVersion.Text);
            w.WriteStartArray("reward_quantiles");
            RewardDistribution.Probabilities.ToList().ForEach(w.WriteNumberValue);
            w.WriteEndArray();
            w.WriteStartArray("differing_settings");
            report.DifferingSettings.ToList().ForEach(w.WriteStringValue);
            w.WriteEndArray();
            w.WriteStartArray("runs");
            foreach (RunAnalysis run in report.Runs)
            {
                Run(w, run);
            }

            w.WriteEndArray();
            w.WritePropertyName("comparisons");
            Comparisons(w, report.Comparisons);
            w.WriteEndObject();
        }

        return buffer.ToArray();
    }

    internal static string Name(RunCompletion state) => state switch
    {
        RunCompletion.Completed => "completed",
        RunCompletion.EarlyStopped => "early_stopped",
        RunCompletion.Unfinished => "unfinished",
        RunCompletion.RowsOnly => "rows",
        _ => "broken",
    };

    internal static string Name(FigureSource source) => source == FigureSource.Rows ? "rows" : "metrics";

    internal static string Name(Stage stage) => stage == Stage.Best ? "best" : "final";

    internal static string Name(ComparisonVerdict verdict) => verdict switch
    {
        ComparisonVerdict.Better => "better",
        ComparisonVerdict.Worse => "worse",
        ComparisonVerdict.WithinNoise => "within_noise",
        _ => "not_compared",
    };

    private static void Run(Utf8JsonWriter w, RunAnalysis run)
    {
        w.WriteStartObject();
        w.WriteString("name", run.Name);
        w.WriteString("path", run.Run.Path);
        w.WriteString("state", Name(run.Run.State));
        w.WriteString("problem", run.Run.Problem);
        Number(w, "step", run.Run.Step);
        w.WriteStartObject("settings");
        foreach ((string name, string value) in run.Run.Settings)
        {
            w.WriteString(name, value);
        }

        w.WriteEndObject();
        w.WritePropertyName("best");
        FiguresJson.Write(w, run.Best);
        w.WritePropertyName("final");
        FiguresJson.Write(w, run.Final);
        w.WritePropertyName("drop");
        Drop(w, run.Drop);
        Strings(w, "notes", run.Notes);
        w.WriteEndObject();
    }

    private static void Drop(Utf8JsonWriter w, OverfittingDrop? drop)
    {
        if (drop is null)
        {
            w.WriteNullValue();
            return;
        }

        w.WriteStartObject();
        Number(w, "peak_accuracy", drop.PeakAccuracy);
        Number(w, "peak_step", drop.PeakStep);
        Number(w, "final_accuracy", drop.FinalAccuracy);
        Number(w, "final_step", drop.FinalStep);
        Number(w, "drop", drop.Drop);
        w.WritePropertyName("paired");
        Paired(w, drop.Paired);
        w.WriteEndObject();
    }

    private static void Comparisons(Utf8JsonWriter w, ComparisonTable? table)
    {
        if (table is null)
        {
            w.WriteNullValue();
            return;
        }

        w.WriteStartObject();
        w.WriteString("model", Name(table.Stage));
        w.WriteString("reference", table.Reference);
        Strings(w, "left_out", table.LeftOut);
        w.WriteStartArray("items");
        foreach (Comparison c in table.Items)
        {
            w.WriteStartObject();
            w.WriteString("run", c.Run);
            Number(w, "rows", c.Rows);
            Number(w, "reference_rows", c.ReferenceRows);
            Number(w, "shared", c.Shared);
            w.WritePropertyName("paired");
            Paired(w, c.Paired);
            w.WritePropertyName("unpaired");
            Unpaired(w, c.Unpaired);
            Number(w, "p", c.P);
            Number(w, "holm_p", c.HolmP);
            w.WriteString("verdict", Name(c.Verdict));
            w.WriteString("words", c.Words);
            Strings(w, "notes", c.Notes);
            w.WriteEndObject();
        }

        w.WriteEndArray();
        w.WriteEndObject();
    }

    private static void Paired(Utf8JsonWriter w, PairedDifference? d)
    {
        if (d is null)
        {
            w.WriteNullValue();
            return;
        }

        w.WriteStartObject();
        Number(w, "rows", d.Rows);
        Number(w, "clusters", d.Clusters);
        Number(w, "both", d.Both);
        Number(w, "only_first", d.OnlyFirst);
        Number(w, "only_second", d.OnlySecond);
        Number(w, "difference", d.Difference);
        Number(w, "standard_error", d.StandardError);
        Number(w, "low", d.Low);
        Number(w, "high", d.High);
        Number(w, "clustered_p", d.ClusteredP);
        Number(w, "mcnemar_p", d.McNemarP);
        w.WriteEndObject();
    }

    private static void Unpaired(Utf8JsonWriter w, UnpairedDifference? d)
    {
        if (d is null)
        {
            w.WriteNullValue();
            return;
        }

        w.WriteStartObject();
        Number(w, "difference", d.Difference);
        Number(w, "standard_error", d.StandardError);
        Number(w, "low", d.Low);
        Number(w, "high", d.High);
        Number(w, "p", d.P);
        w.WriteEndObject();
    }

    private static void Strings(Utf8JsonWriter w, string name, IReadOnlyList<string> values)
    {
        w.WriteStartArray(name);
        values.ToList().ForEach(w.WriteStringValue);
        w.WriteEndArray();
    }

    private static void Number(Utf8JsonWriter w, string name, double? value) => FiguresJson.Number(w, name, value);
}
