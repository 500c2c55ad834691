using System.Text.Json;
using System.Text.Json.Serialization;
using Rm.Formats;
using Rm.Formats.Files;
using Rm.Training.Statistics;

namespace Rm.Training.Evaluation;

/// <summary>Files of evaluation rows: JSON Lines, a <see cref="EvalRow"/> each, absent columns left out.</summary>
public static class EvalRowFile
{
    /// <summary>Writes the rows; a reader finds the old or the new file. Throws <see cref="SaveFailedException"/>.</summary>
    public static void Write(string path, IReadOnlyList<EvalRow> rows)
    {
        using var buffer = new MemoryStream();
        foreach (EvalRow row in rows)
        {
            JsonSerializer.Serialize(buffer, row, EvalRowJson.Default.EvalRow);
            buffer.WriteByte((byte)'\n');
        }

        AtomicFile.Write(path, buffer.GetBuffer().AsSpan(0, (int)buffer.Length));
    }

    /// <summary>Reads a file. Throws <see cref="UserInputException"/> naming file and line.</summary>
    public static IReadOnlyList<EvalRow> Read(string path)
    {
        var rows = new List<EvalRow>();
        try
        {
            foreach (string line in File.ReadLines(path))
            {
                EvalRow? row = JsonSerializer.Deserialize(line, EvalRowJson.Default.EvalRow);
                if (row?.Pair is null || row.Cluster is null || !float.IsFinite(row.ChosenReward) || !float.IsFinite(row.RejectedReward))
                {
                    throw new JsonException("a field is null or not finite");
                }

                rows.Add(row);
            }
        }
        catch (JsonException e)
        {
            throw new UserInputException(
                $"{path}: line {rows.Count + 1} is not a evaluation row ({e.Message}). Such files are written by eval --save-rows and by "
                    + $"train.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserInputException($"{path}: cannot be read ({e.Message}).", e);
        }

        return rows;
    }
}

/// <summary>How evaluation rows are serialised.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    IgnoreReadOnlyProperties = true)]
[JsonSerializable(typeof(EvalRow))]
internal sealed partial class EvalRowJson : JsonSerializerContext;
