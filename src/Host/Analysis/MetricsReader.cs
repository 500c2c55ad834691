using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Json;
using Rm.Training.Statistics;

namespace Rm.Host.Analysis;

/// <summary>Reads the evaluations in metrics.jsonl.</summary>
internal static class MetricsReader
{
    private const long MaxBytes = 1L << 30;
    private const string Prefix = "eval_";

    /// <summary>
    /// The last step and the evaluations; nothing when there is no file. A last line that is torn, as a killed run leaves it, is left out.
    /// Throws <see cref="UserInputException"/> naming file, line and field.
    /// </summary>
    public static (int? LastStep, IReadOnlyList<EvaluationPoint> Evaluations) Read(string path)
    {
        if (!File.Exists(path))
        {
            return (null, []);
        }

        ReadOnlyMemory<byte> rest = JsonInput.ReadFile(path, MaxBytes);
        int? last = null;
        var evaluations = new List<EvaluationPoint>();
        for (int line = 1; rest.Span.IndexOf((byte)'\n') is >= 0 and var end; line++)
        {
            string place = $"{path}: line {line}";
            var fields = new JsonFields(JsonInput.ParseObject(rest[..end], place), place);
            last = fields.Int("step", 0, int.MaxValue);
            if (fields.Find(Prefix + "loss") is not null)
            {
                evaluations.Add(Point(fields, last.Value, place));
            }

            rest = rest[(end + 1)..];
        }

        return (last, evaluations);
    }

    private static EvaluationPoint Point(JsonFields fields, int step, string place)
    {
        int pairs = fields.Int(Prefix + "pairs", 1, int.MaxValue);
        return new EvaluationPoint(
            step, pairs, fields.Double(Prefix + "accuracy", 0, 1), Interval(fields), fields.Int(Prefix + "ties", 0, pairs), Number("loss"),
            Number("margin"),
            Number("min_reward"), Number("mean_reward"), Number("max_reward"), Number("ece"), Number("brier"),
            fields.Find(Prefix + "length_correlation") is null ? null : Number("length_correlation"), Groups(fields, place));

        double Number(string name) => fields.Double(Prefix + name, double.MinValue, double.MaxValue);
    }

    private static (double Low, double High)? Interval(JsonFields fields) =>
        fields.Find(Prefix + "accuracy_low") is null || fields.Find(Prefix + "accuracy_high") is null
            ? null
            : (fields.Double(Prefix + "accuracy_low", 0, 1), fields.Double(Prefix + "accuracy_high", 0, 1));

    private static IReadOnlyList<GroupFigures> Groups(JsonFields fields, string place)
    {
        if (fields.Find(Prefix + "groups") is not { } list)
        {
            return [];
        }

        if (list.ValueKind != JsonValueKind.Array)
        {
            throw fields.Wrong(Prefix + "groups", list, "a list");
        }

        return [.. list.EnumerateArray().Select(item => Group(item, fields, place))];
    }

    private static GroupFigures Group(JsonElement item, JsonFields line, string place)
    {
        if (item.ValueKind != JsonValueKind.Object)
        {
            throw line.Wrong(Prefix + "groups", item, "objects");
        }

        var group = new JsonFields(item, place, Prefix + "groups.");
        int pairs = group.Int("pairs", 1, int.MaxValue);
        return new GroupFigures(
            group.OptionalString("by") ?? "", group.OptionalString("group") ?? "",
            AccuracyEstimate.FromCounts((int)Math.Round(group.Double("accuracy", 0, 1) * pairs), pairs, 0));
    }
}
