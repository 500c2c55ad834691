using System.Text.Json;
using Rm.Host.Checkpoints;
using Rm.Host.Evaluation;

namespace Rm.Host.Reporting.Html;

/// <summary>A run's metrics.jsonl, thinned: a table of training and one of evaluations.</summary>
internal sealed class RunMetrics
{
    private const string Evaluation = "eval_";
    private const int MostGroups = 200;

    private RunMetrics(int mostRows)
    {
        Train = new ThinnedTable("step", mostRows);
        Eval = new ThinnedTable("step", mostRows);
    }

    /// <summary>Figures of training by step.</summary>
    public ThinnedTable Train { get; }

    /// <summary>Figures of evaluations by step, without their prefix.</summary>
    public ThinnedTable Eval { get; }

    /// <summary>Accuracy per group at the last evaluation, as metrics.jsonl has it.</summary>
    public IReadOnlyList<GroupAccuracy> Groups { get; private set; } = [];

    /// <summary>Reads the file; no file is a run that has not begun. Throws <see cref="UserInputException"/> naming file and line.</summary>
    public static RunMetrics Read(string path, int mostRows = 2000)
    {
        var metrics = new RunMetrics(mostRows);
        foreach (JsonElement line in RunLog.Read(path))
        {
            if (AppendOnlyLog.StepOf(line) is { } step)
            {
                bool evaluation = line.TryGetProperty(Evaluation + "loss", out _);
                (evaluation ? metrics.Eval : metrics.Train).Add(step, Numbers(line, evaluation));
                metrics.Groups = evaluation ? GroupsOf(line) : metrics.Groups;
            }
        }

        return metrics;
    }

    // A group that is not whole is left out: these lines are the run's own, and a page without one bar is better than no page.
    private static List<GroupAccuracy> GroupsOf(JsonElement line)
    {
        var groups = new List<GroupAccuracy>();
        if (line.TryGetProperty(Evaluation + "groups", out JsonElement list) && list.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement item in list.EnumerateArray().Take(MostGroups).Where(item => item.ValueKind == JsonValueKind.Object))
            {
                if (item.TryGetProperty("by", out JsonElement by) && by.ValueKind == JsonValueKind.String
                    && item.TryGetProperty("group", out JsonElement group) && group.ValueKind == JsonValueKind.String
                    && item.TryGetProperty("pairs", out JsonElement pairs) && pairs.ValueKind == JsonValueKind.Number && pairs.TryGetInt32(out int count)
                    && item.TryGetProperty("accuracy", out JsonElement accuracy) && accuracy.ValueKind == JsonValueKind.Number && count > 0)
                {
                    groups.Add(new GroupAccuracy(by.GetString()!, group.GetString()!, count, accuracy.GetDouble()));
                }
            }
        }

        return groups;
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
