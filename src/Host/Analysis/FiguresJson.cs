using System.Text.Json;
using Rm.Training.Statistics;

namespace Rm.Host.Analysis;

/// <summary>The figures of one evaluation as a JSON object.</summary>
internal static class FiguresJson
{
    /// <summary>Writes a value: the object, or null.</summary>
    public static void Write(Utf8JsonWriter w, EvaluationFigures? figures)
    {
        if (figures is null)
        {
            w.WriteNullValue();
            return;
        }

        w.WriteStartObject();
        w.WriteString("source", AnalysisJson.Name(figures.Source));
        Number(w, "at_step", figures.Step);
        Accuracy(w, figures.Accuracy);
        Number(w, "loss", figures.Loss);
        Distribution(w, "margin", figures.Margin);
        Distribution(w, "rewards", figures.Rewards);
        Number(w, "ece", figures.CalibrationError);
        Number(w, "brier", figures.Brier);
        Number(w, "length_correlation", figures.LengthCorrelation);
        w.WriteStartArray("reliability");
        foreach (ReliabilityBin bin in figures.Reliability)
        {
            w.WriteStartObject();
            Number(w, "low", bin.Low);
            Number(w, "high", bin.High);
            Number(w, "pairs", bin.Pairs);
            Number(w, "confidence", bin.Confidence);
            Number(w, "accuracy", bin.Accuracy);
            w.WriteEndObject();
        }

        w.WriteEndArray();
        w.WriteStartArray("groups");
        foreach (GroupFigures group in figures.Groups)
        {
            w.WriteStartObject();
            w.WriteString("by", group.By);
            w.WriteString("group", group.Group);
            Accuracy(w, group.Accuracy);
            w.WriteEndObject();
        }

        w.WriteEndArray();
        w.WriteEndObject();
    }

    /// <summary>A number, or null where there is none.</summary>
    public static void Number(Utf8JsonWriter w, string name, double? value)
    {
        if (value is { } number && double.IsFinite(number))
        {
            w.WriteNumber(name, number);
        }
        else
        {
            w.WriteNull(name);
        }
    }

    private static void Accuracy(Utf8JsonWriter w, AccuracyEstimate a)
    {
        Number(w, "pairs", a.Pairs);
        Number(w, "clusters", a.Clusters);
        Number(w, "correct", a.Correct);
        Number(w, "ties", a.Ties);
        Number(w, "accuracy", a.Value);
        Number(w, "standard_error", a.StandardError);
        Number(w, "effective_pairs", a.EffectivePairs);
        Number(w, "accuracy_low", a.Low);
        Number(w, "accuracy_high", a.High);
    }

    private static void Distribution(Utf8JsonWriter w, string name, RewardDistribution d)
    {
        w.WriteStartObject(name);
        Number(w, "mean", d.Mean);
        Number(w, "standard_deviation", d.StandardDeviation);
        Number(w, "min", d.Min);
        Number(w, "max", d.Max);
        w.WriteStartArray("quantiles");
        d.Quantiles.ToList().ForEach(w.WriteNumberValue);
        w.WriteEndArray();
        w.WriteEndObject();
    }
}
