using System.Globalization;
using Rm.Training.Statistics;

namespace Rm.Host.Analysis;

/// <summary>Which model of a run.</summary>
public enum Stage
{
    /// <summary>The model that is kept in best/.</summary>
    Best,

    /// <summary>The model of the last evaluation.</summary>
    Final,
}

/// <summary>Figures of one run.</summary>
/// <param name="Run">What they were computed from.</param>
/// <param name="Best">The best model; null without an evaluation.</param>
/// <param name="Final">The last evaluation; null without one.</param>
/// <param name="Drop">Fall of the accuracy from its peak; null without evaluations.</param>
/// <param name="Notes">What a reader must know about these figures, a sentence each.</param>
public sealed record RunAnalysis(
    RunInput Run, EvaluationFigures? Best, EvaluationFigures? Final, OverfittingDrop? Drop, IReadOnlyList<string> Notes)
{
    private const double Rounding = 1e-9;

    /// <summary>Name of the run.</summary>
    public string Name => Run.Name;

    /// <summary>Whether its figures are those of a run that ended, or of a file of rows.</summary>
    public bool IsFinished => Run.State is RunCompletion.Completed or RunCompletion.EarlyStopped or RunCompletion.RowsOnly;

    /// <summary>Figures of a model of the run.</summary>
    public EvaluationFigures? At(Stage stage) => stage == Stage.Best ? Best : Final;

    /// <summary>Rows of a model of the run, where they were kept.</summary>
    public IReadOnlyList<EvalRow>? Rows(Stage stage) => stage == Stage.Best ? Run.BestRows : Run.FinalRows;

    /// <summary>Analyses a run.</summary>
    public static RunAnalysis Of(RunInput run)
    {
        EvaluationPoint? bestPoint = run.Evaluations.FirstOrDefault(e => e.Step == run.BestStep),
            lastPoint = run.Evaluations.LastOrDefault();
        EvaluationFigures? best = Figures(run.BestRows, bestPoint, run.BestStep),
            final = Figures(run.FinalRows, lastPoint, lastPoint?.Step);
        var notes = new List<string>();
        if (best is null && final is null && run.State != RunCompletion.Broken)
        {
            notes.Add(run.State == RunCompletion.Unfinished ? "no evaluation yet"
                : "trained without evaluation rows: there is nothing to compare");
        }

        if (best?.Source == FigureSource.Metrics || final?.Source == FigureSource.Metrics)
        {
            notes.Add("has no eval-rows: figures come from metrics.jsonl, intervals are plain Wilson intervals that take every pair as "
                + "independent, and loss has the run's own constants");
        }

        notes.AddRange(Disagreement("best", best, bestPoint));
        notes.AddRange(Disagreement("last", final, lastPoint));
        if (best?.Source == FigureSource.Rows
            && run.BestRows!.GroupBy(r => r.Pair, StringComparer.Ordinal).Sum(g => g.Count() - 1) is > 0 and var repeats)
        {
            notes.Add($"{repeats} of {run.BestRows!.Count} evaluation rows repeat a pair that is there already");
        }

        return new RunAnalysis(run, best, final, OverfittingDrop.Of(run, best, final), notes);
    }

    private static EvaluationFigures? Figures(IReadOnlyList<EvalRow>? rows, EvaluationPoint? point, int? step) =>
        rows is not null ? EvaluationFigures.Of(rows, step) : point is not null ? EvaluationFigures.Of(point) : null;

    // Rows and metrics of a run tell of the same evaluation; when they do not, files were mixed.
    private static IEnumerable<string> Disagreement(string name, EvaluationFigures? figures, EvaluationPoint? point) =>
        figures is { Source: FigureSource.Rows } && point is not null
        && (figures.Accuracy.Pairs != point.Pairs || Math.Abs(figures.Accuracy.Value - point.Accuracy) > Rounding)
            ? [string.Create(CultureInfo.InvariantCulture, $"eval-rows/{name}.jsonl ({figures.Accuracy.Pairs} rows, accuracy "
                + $"{100 * figures.Accuracy.Value:F1}%) does not belong to the evaluation at step {point.Step} in metrics.jsonl "
                + $"({point.Pairs} pairs, {100 * point.Accuracy:F1}%): files of different runs seem mixed")]
            : [];
}
