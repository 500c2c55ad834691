using System.Globalization;
using System.Text.Json;

namespace Rm.Training.Evaluation;

/// <summary>Scores by subset and section as JSON fields and as a table.</summary>
internal static class SubsetScoresOutput
{
    /// <summary>
    /// Writes the fields <c>subsets</c>, <c>sections</c>, <c>unassigned_subsets</c> and <c>sections_mean</c> into an open object.
    /// </summary>
    public static void WriteFields(Utf8JsonWriter writer, SubsetScores scores, string prefix)
    {
        writer.WriteStartArray(prefix + "subsets");
        foreach (SubsetScore subset in scores.Subsets)
        {
            writer.WriteStartObject();
            writer.WriteString("subset", subset.Subset);
            writer.WriteNumber("pairs", subset.Pairs);
            writer.WriteNumber("correct", subset.Correct);
            writer.WriteNumber("accuracy", subset.Accuracy);
            writer.WriteNumber("accuracy_low", subset.Low);
            writer.WriteNumber("accuracy_high", subset.High);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray(prefix + "sections");
        foreach (SectionScore section in scores.Sections)
        {
            writer.WriteStartObject();
            writer.WriteString("section", section.Section);
            writer.WriteNumber("score", section.Score);
            WriteNames(writer, "subsets", section.Subsets);
            WriteNames(writer, "missing_subsets", section.Missing);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        WriteNames(writer, prefix + "unassigned_subsets", scores.Unassigned);
        if (scores.Overall is { } overall)
        {
            writer.WriteNumber(prefix + "sections_mean", overall);
        }
        else
        {
            writer.WriteNull(prefix + "sections_mean");
        }
    }

    /// <summary>Writes the table: sections with their subsets, then what belongs to none.</summary>
    public static void WriteTable(SubsetScores scores, TextWriter output)
    {
        var subsets = scores.Subsets.ToDictionary(subset => subset.Subset, StringComparer.Ordinal);
        foreach (SectionScore section in scores.Sections)
        {
            string part = section.Missing.Count == 0 ? "" : $"  without {string.Join(", ", section.Missing)}";
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{section.Section,-28}{100 * section.Score,6:F1}%{part}"));
            foreach (string name in section.Subsets)
            {
                WriteSubset(subsets[name], output);
            }
        }

        if (scores.Unassigned.Count > 0)
        {
            output.WriteLine("in no section");
            foreach (string name in scores.Unassigned)
            {
                WriteSubset(subsets[name], output);
            }
        }

        if (scores.Overall is { } overall)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{"mean of sections",-28}{100 * overall,6:F1}%"));
        }
    }

    private static void WriteSubset(SubsetScore subset, TextWriter output) => output.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"  {subset.Subset,-26}{100 * subset.Accuracy,6:F1}%  (95% {100 * subset.Low:F1} to {100 * subset.High:F1}, {subset.Pairs} "
            + $"pairs)"));

    private static void WriteNames(Utf8JsonWriter writer, string name, IReadOnlyList<string> names)
    {
        writer.WriteStartArray(name);
        foreach (string value in names)
        {
            writer.WriteStringValue(value);
        }

        writer.WriteEndArray();
    }
}
