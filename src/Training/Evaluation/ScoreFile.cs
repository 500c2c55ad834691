using System.Text.Encodings.Web;
using System.Text.Json;
using Rm.Formats.Datasets;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;

namespace Rm.Training.Evaluation;

/// <summary>Writes scored rows as JSON lines: the input's columns as they were, and the rewards.</summary>
public static class ScoreFile
{
    // Rows held at once: enough to fill micro-batches, few enough to stay small.
    private const int ChunkRows = 256;

    private static readonly string[] RewardColumns = ["reward", "chosen_reward", "rejected_reward", "score_error"];
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>
    /// Scores every row of <paramref name="rows"/> into <paramref name="path"/>, in order. The file appears under its name when it is
    /// complete. Returns the rows with rewards and those without.
    /// </summary>
    /// <param name="score">Scores rows, in their order.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="path">The file.</param>
    public static (long Scored, long Left) Write(Func<IReadOnlyList<DataRow>, IReadOnlyList<ScoredRow>> score, IRowSource rows, string path)
    {
        string temporary = $"{path}.tmp-{Environment.ProcessId}";
        long scored = 0, left = 0;
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.Read, 1 << 16))
            {
                foreach (DataRow[] chunk in rows.Read().Chunk(ChunkRows))
                {
                    foreach (ScoredRow row in score(chunk))
                    {
                        WriteRow(stream, row);
                        scored += row.Rewards.Length > 0 ? 1 : 0;
                        left += row.Rewards.Length > 0 ? 0 : 1;
                    }
                }
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }

        return (scored, left);
    }

    private static void WriteRow(Stream stream, ScoredRow row)
    {
        using (var writer = new Utf8JsonWriter(stream, Options))
        {
            writer.WriteStartObject();
            row.Row.Source.WriteColumns(writer, RewardColumns);
            string[] names = row.Row.Pair is null ? ["reward"] : ["chosen_reward", "rejected_reward"];
            for (int i = 0; i < names.Length; i++)
            {
                if (row.Rewards.Length > 0)
                {
                    writer.WriteNumber(names[i], row.Rewards[i]);
                }
                else
                {
                    writer.WriteNull(names[i]);
                }
            }

            if (row.Error != DropReason.None)
            {
                writer.WriteString("score_error", DataReportText.Describe(row.Error));
            }

            writer.WriteEndObject();
        }

        stream.WriteByte((byte)'\n');
    }
}
