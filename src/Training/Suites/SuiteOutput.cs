using System.Globalization;
using System.Text.Json;

namespace Rm.Training.Suites;

/// <summary>A benchmark's table as text and as JSON, and its rewards as JSON lines.</summary>
public static class SuiteOutput
{
    /// <summary>Writes the table for people.</summary>
    public static void WriteTable(SuiteTable table, TextWriter output)
    {
        int width = table.Lines.Max(line => line.Name.Length + (2 * line.Level)) + 2;
        foreach (SuiteLine line in table.Lines)
        {
            string name = (new string(' ', 2 * line.Level) + line.Name).PadRight(width);
            output.WriteLine(double.IsNaN(line.Score)
                ? $"{name}     -"
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"{name}{100 * line.Score,6:F1}  (95% {100 * line.Low:F1} to {100 * line.High:F1}, {line.Rows} rows)"));
        }

        foreach (string note in table.Notes)
        {
            output.WriteLine(note);
        }
    }

    /// <summary>
    /// Writes the fields <c>suite</c>, <c>scores</c> and <c>notes</c> into an open object; a score that the formula does not give is null.
    /// </summary>
    public static void WriteFields(Utf8JsonWriter writer, string suite, SuiteTable table)
    {
        writer.WriteString("suite", suite);
        writer.WriteStartArray("scores");
        foreach (SuiteLine line in table.Lines)
        {
            writer.WriteStartObject();
            writer.WriteString("name", line.Name);
            Number("score", line.Score);
            Number("low", line.Low);
            Number("high", line.High);
            writer.WriteNumber("rows", line.Rows);
            writer.WriteNumber("level", line.Level);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartArray("notes");
        foreach (string note in table.Notes)
        {
            writer.WriteStringValue(note);
        }

        writer.WriteEndArray();

        void Number(string name, double value)
        {
            if (double.IsFinite(value))
            {
                writer.WriteNumber(name, value);
            }
            else
            {
                writer.WriteNull(name);
            }
        }
    }

    /// <summary>Every row's rewards as JSON lines: <c>id</c>, <c>subset</c>, <c>num_correct</c>, <c>scores</c>.</summary>
    public static byte[] Rows(IReadOnlyList<ScoredAnswers> rows)
    {
        using var buffer = new MemoryStream();
        foreach (ScoredAnswers row in rows)
        {
            using (var writer = new Utf8JsonWriter(buffer))
            {
                writer.WriteStartObject();
                writer.WriteString("id", row.Id);
                writer.WriteString("subset", row.Subset);
                writer.WriteNumber("num_correct", row.Correct);
                writer.WriteStartArray("scores");
                foreach (float reward in row.Rewards)
                {
                    writer.WriteNumberValue(reward);
                }

                writer.WriteEndArray();
                writer.WriteEndObject();
            }

            buffer.WriteByte((byte)'\n');
        }

        return buffer.ToArray();
    }
}
