using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Files;

namespace Rm.Host.Reporting.Html;

/// <summary>A run's metrics.jsonl, thinned: a table of training and one of evaluations.</summary>
internal sealed class RunMetrics
{
    private const string Evaluation = "eval_";

    private RunMetrics(int mostRows)
    {
        Train = new ThinnedTable("step", mostRows);
        Eval = new ThinnedTable("step", mostRows);
    }

    /// <summary>Figures of training by step.</summary>
    public ThinnedTable Train { get; }

    /// <summary>Figures of evaluations by step, without their prefix.</summary>
    public ThinnedTable Eval { get; }

    /// <summary>
    /// Reads the file; no file is a run that has not begun. Throws <see cref="UserInputException"/> naming file and line.
    /// </summary>
    public static RunMetrics Read(string path, int mostRows = 2000)
    {
        var metrics = new RunMetrics(mostRows);
        foreach (JsonElement line in RunLog.Read(path))
        {
            if (AppendOnlyLog.StepOf(line) is { } step)
            {
                bool evaluation = line.TryGetProperty(Evaluation + "loss", out _);
                (evaluation ? metrics.Eval : metrics.Train).Add(step, Numbers(line, evaluation));
            }
        }

        return metrics;
    }

    private static IEnumerable<KeyValuePair<string, double>> Numbers(JsonElement line, bool evaluation)
    {
        foreach (JsonProperty property in line.EnumerateObject())
        {
            if (property.Value.ValueKind == JsonValueKind.Number && property.Name != "step" && property.Value.TryGetDouble(out double value)
                && double.IsFinite(value))
            {
                string name = evaluation && property.Name.StartsWith(Evaluation, StringComparison.Ordinal)
                    ? property.Name[Evaluation.Length..]
                    : property.Name;
                yield return new KeyValuePair<string, double>(name, value);
            }
        }
    }
}
