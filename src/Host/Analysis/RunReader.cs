using System.Globalization;
using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Json;
using Rm.Training.Evaluation;
using Rm.Training.Loop;
using Rm.Training.Statistics;

namespace Rm.Host.Analysis;

/// <summary>Reads what a run wrote.</summary>
public static class RunReader
{
    private const string RowsFolder = "eval-rows";

    /// <summary>
    /// Reads a run's folder. Files that cannot be read make the run <see cref="RunCompletion.Broken"/>; nothing is thrown.
    /// </summary>
    public static RunInput ReadRun(string folder, string name)
    {
        var run = new RunInput(name, folder, RunCompletion.Broken);
        try
        {
            if (!File.Exists(Path.Combine(folder, RunDirectory.RunFileName)) && !Directory.Exists(Path.Combine(folder, RowsFolder))
                && !File.Exists(Path.Combine(folder, "metrics.jsonl")))
            {
                return run with { Problem = $"{folder}: holds no {RunDirectory.RunFileName}: the run ended before its first step" };
            }

            run = WithSettings(run);
            (int? lastStep, IReadOnlyList<EvaluationPoint> evaluations) = MetricsReader.Read(Path.Combine(folder, "metrics.jsonl"));
            run = run with
            {
                Step = lastStep,
                Evaluations = evaluations,
                BestStep = BestOf(run, evaluations),
                BestRows = Rows(Path.Combine(folder, RowsFolder, "best.jsonl")),
                FinalRows = Rows(Path.Combine(folder, RowsFolder, "last.jsonl")),
            };
            return WithResult(run);
        }
        catch (UserInputException e)
        {
            return run with { State = RunCompletion.Broken, Problem = e.Message };
        }
    }

    /// <summary>Reads a file of evaluation rows. Throws <see cref="UserInputException"/> naming file and line.</summary>
    public static RunInput ReadRows(string path, string name)
    {
        IReadOnlyList<EvalRow> rows = RequireRows(path);
        return new RunInput(name, path, RunCompletion.RowsOnly) { BestRows = rows, FinalRows = rows };
    }

    private static IReadOnlyList<EvalRow>? Rows(string path) => File.Exists(path) ? RequireRows(path) : null;

    private static IReadOnlyList<EvalRow> RequireRows(string path)
    {
        // Devices and pipes have no length either, and may have no end.
        if (new FileInfo(path).Length == 0)
        {
            throw new UserInputException($"{path}: holds no evaluation rows.");
        }

        IReadOnlyList<EvalRow> rows = EvalRowFile.Read(path);
        for (int i = 0; i < rows.Count; i++)
        {
            if (!float.IsFinite(rows[i].Margin) || !float.IsFinite(rows[i].Weight))
            {
                throw new UserInputException($"{path}: line {i + 1}: margin or weight is not a finite number.");
            }
        }

        return rows;
    }

    private static RunInput WithSettings(RunInput run)
    {
        string path = Path.Combine(run.Path, RunDirectory.RunFileName);
        if (!File.Exists(path))
        {
            return run;
        }

        var root = new JsonFields(JsonInput.ParseObject(JsonInput.ReadFile(path), path), path);
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (root.OptionalObject(EarlierRun.SettingsName) is { } fields)
        {
            foreach (JsonProperty property in fields.Element.EnumerateObject())
            {
                settings[property.Name] = fields.OptionalString(property.Name) ?? "";
            }
        }

        return run with
        {
            Settings = settings,
            TrainPairs = root.OptionalObject(EarlierRun.TrainDataName)?.OptionalString("pairs_sha256"),
            EvalPairs = root.OptionalObject(EarlierRun.EvalDataName)?.OptionalString("pairs_sha256"),
        };
    }

    // The end of a run: without a result it has not come, or not well.
    private static RunInput WithResult(RunInput run)
    {
        string path = Path.Combine(run.Path, "result.json");
        if (!File.Exists(path))
        {
            return run with { State = RunCompletion.Unfinished };
        }

        var root = new JsonFields(JsonInput.ParseObject(JsonInput.ReadFile(path), path), path);
        return run with
        {
            State = root.OptionalString("end") == "early_stopped" ? RunCompletion.EarlyStopped : RunCompletion.Completed,
            Step = root.OptionalInt("step", 0, int.MaxValue) ?? run.Step,
            BestStep = root.OptionalInt("best_step", 0, int.MaxValue) ?? run.BestStep,
        };
    }

    // What the trainer took for the best evaluation.
    private static int? BestOf(RunInput run, IReadOnlyList<EvaluationPoint> evaluations)
    {
        BestMetric metric = run.Settings.GetValueOrDefault("best-metric") == "loss" ? BestMetric.Loss : BestMetric.Accuracy;
        double minDelta = double.TryParse(
            run.Settings.GetValueOrDefault("early-stopping-min-delta"), NumberStyles.Float, CultureInfo.InvariantCulture, out double delta)
                ? delta
                : 0;
        var best = new BestSoFar();
        foreach (EvaluationPoint point in evaluations)
        {
            (best, _) =
                best.After(metric == BestMetric.Loss ? point.Loss : point.Accuracy, point.Step, metric == BestMetric.Accuracy, minDelta);
        }

        return best.BestValue is null ? null : best.BestStep;
    }
}
