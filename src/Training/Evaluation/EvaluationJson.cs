using System.Text.Json;

namespace Rm.Training.Evaluation;

/// <summary>Evaluation figures as JSON fields.</summary>
public static class EvaluationJson
{
    /// <summary>Writes the figures into an open object, each name behind <paramref name="prefix"/>.</summary>
    public static void WriteFields(Utf8JsonWriter writer, EvaluationResult result, string prefix)
    {
        writer.WriteNumber(prefix + "pairs", result.Pairs);
        writer.WriteNumber(prefix + "loss", result.Loss);
        writer.WriteNumber(prefix + "accuracy", result.Accuracy);
        writer.WriteNumber(prefix + "accuracy_low", result.AccuracyLow);
        writer.WriteNumber(prefix + "accuracy_high", result.AccuracyHigh);
        writer.WriteNumber(prefix + "ties", result.Ties);
        writer.WriteNumber(prefix + "margin", result.Margin);
        writer.WriteNumber(prefix + "min_reward", result.MinReward);
        writer.WriteNumber(prefix + "mean_reward", result.MeanReward);
        writer.WriteNumber(prefix + "max_reward", result.MaxReward);
        writer.WriteNumber(prefix + "ece", result.CalibrationError);
        writer.WriteNumber(prefix + "brier", result.Brier);
        if (result.LengthCorrelation is { } correlation)
        {
            writer.WriteNumber(prefix + "length_correlation", correlation);
        }
        else
        {
            writer.WriteNull(prefix + "length_correlation");
        }

        writer.WriteStartArray(prefix + "groups");
        foreach (GroupAccuracy group in result.Groups)
        {
            writer.WriteStartObject();
            writer.WriteString("by", group.By);
            writer.WriteString("group", group.Group);
            writer.WriteNumber("pairs", group.Pairs);
            writer.WriteNumber("accuracy", group.Accuracy);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
