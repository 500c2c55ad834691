using System.Globalization;
using System.Text.Json;
using Rm.Training.Statistics;

namespace Rm.Host.Reporting.Html;

/// <summary>The few figures of a run that a reader looks at first, taken from its files.</summary>
internal sealed class RunSummary
{
    private readonly RunData _run;

    public RunSummary(RunData run)
    {
        _run = run;
        Status = Text(run.Result, "end") switch
        {
            "completed" => "completed",
            "early_stopped" => "stopped early",
            _ => "not finished",
        };
        Step = run.Metrics.Train.Last("step") ?? 0;
        Steps = double.TryParse(Setting("steps"), NumberStyles.Float, CultureInfo.InvariantCulture, out double steps) ? steps : null;
        BestStep = Number(run.Result, "best_step");
        BestAccuracy = Accuracy(run.Best);
        LastAccuracy = Accuracy(run.Last);
    }

    /// <summary>How the run ended.</summary>
    public string Status { get; }

    /// <summary>Last step with a line of metrics.</summary>
    public double Step { get; }

    /// <summary>Steps asked for.</summary>
    public double? Steps { get; }

    /// <summary>Step of the best model; null until the run has ended.</summary>
    public double? BestStep { get; }

    /// <summary>Accuracy of the best model on the evaluation pairs, with an interval that knows about pairs of the same prompt.</summary>
    public AccuracyEstimate? BestAccuracy { get; }

    /// <summary>The same at the last evaluation.</summary>
    public AccuracyEstimate? LastAccuracy { get; }

    /// <summary>Seconds of training.</summary>
    public double? Seconds => Number(_run.Result, "elapsed_seconds") ?? _run.Metrics.Train.Last("elapsed_seconds");

    /// <summary>Mean tokens per second over the run.</summary>
    public double? TokensPerSecond =>
        Number(_run.Result, "tokens_per_second") ?? (Seconds > 0 ? _run.Metrics.Train.Last("num_tokens") / Seconds : null);

    /// <summary>A figure of the last evaluation.</summary>
    public double? LastEval(string name) => _run.Metrics.Eval.Last(name);

    /// <summary>A text of the run's settings.</summary>
    public string? Setting(string name) => _run.Run.TryGetProperty("settings", out JsonElement settings) ? Text(settings, name) : null;

    /// <summary>The head of the page.</summary>
    public IEnumerable<Figure> Figures()
    {
        string atLast = LastEval("step") is { } step ? string.Create(CultureInfo.InvariantCulture, $"step {step}") : "";
        if (BestAccuracy is { } best)
        {
            string pairs = string.Create(CultureInfo.InvariantCulture, $"{_run.Best.Count} pairs");
            string note = BestStep is { } bestStep ? string.Create(CultureInfo.InvariantCulture, $"step {bestStep}, {pairs}") : pairs;
            yield return new Figure("Best model's accuracy", best.Value, FigureFormat.Percent, note) { Interval = (best.Low, best.High) };
        }

        if (LastAccuracy is { } last)
        {
            yield return new Figure("Last accuracy", last.Value, FigureFormat.Percent, atLast) { Interval = (last.Low, last.High) };
        }

        (string Label, string Name)[] evaluation = [("Evaluation loss", "loss"), ("Margin", "margin"), ("Calibration error", "ece")];
        foreach ((string label, string name) in evaluation)
        {
            if (LastEval(name) is { } value)
            {
                yield return new Figure(label, value, FigureFormat.Number, atLast);
            }
        }

        string of = Steps is { } steps ? string.Create(CultureInfo.InvariantCulture, $"of {steps}") : "";
        yield return new Figure("Steps", Step, FigureFormat.Count, of);
        if (TokensPerSecond is { } rate)
        {
            yield return new Figure("Tokens per second", rate, FigureFormat.Count, "mean of the run");
        }

        if (Seconds is { } seconds)
        {
            yield return new Figure("Time", seconds, FigureFormat.Seconds, Status);
        }
    }

    /// <summary>A text field, or null.</summary>
    public static string? Text(JsonElement? element, string name) =>
        element is { ValueKind: JsonValueKind.Object } parent && parent.TryGetProperty(name, out JsonElement value)
            && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    private static double? Number(JsonElement? element, string name) =>
        element is { } parent && parent.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number
        && value.TryGetDouble(out double number) && double.IsFinite(number)
            ? number
            : null;

    private static AccuracyEstimate? Accuracy(IReadOnlyList<EvalRow> rows) => rows.Count > 0 ? AccuracyEstimate.Of(rows) : null;
}
