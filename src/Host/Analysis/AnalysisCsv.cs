using System.Globalization;
using CsvHelper;
using Rm.Training.Statistics;

namespace Rm.Host.Analysis;

/// <summary>Writes an analysis as CSV: numbers in full, empty where there is none.</summary>
public static class AnalysisCsv
{
    private static readonly string[] AccuracyColumns =
        ["pairs", "clusters", "correct", "ties", "accuracy", "accuracy_standard_error", "accuracy_effective_pairs", "accuracy_low",
            "accuracy_high"];

    private static readonly string[] StageNames =
    [
        "source", "at_step", .. AccuracyColumns, "loss", "margin", "margin_sd", "min_reward", "mean_reward", "max_reward",
        .. RewardDistribution.Probabilities.Select(p => $"reward_q{100 * p:00}"), "ece", "brier", "length_correlation",
    ];

    /// <summary>One row a run; settings that differ have columns of their own, behind "setting:".</summary>
    public static string Runs(AnalysisReport report) => Write(
        [
            "run", "path", "state", "step", .. report.DifferingSettings.Select(s => $"setting:{s}"), .. StageColumns("best"),
            .. StageColumns("final"),
            "peak_accuracy", "peak_step", "drop", "drop_low", "drop_high", "problem",
        ],
        report.Runs.Select(r => (IEnumerable<object?>)
        [
            r.Name, r.Run.Path, AnalysisJson.Name(r.Run.State), r.Run.Step,
            .. report.DifferingSettings.Select(s => r.Run.Settings.GetValueOrDefault(s)),
            .. StageCells(r.Best), .. StageCells(r.Final), r.Drop?.PeakAccuracy, r.Drop?.PeakStep, r.Drop?.Drop, r.Drop?.Paired?.Low,
            r.Drop?.Paired?.High, r.Run.Problem,
        ]));

    /// <summary>One row a run, model and group.</summary>
    public static string Groups(AnalysisReport report) => Write(
        ["run", "model", "by", "group", .. AccuracyColumns],
        Models(report).SelectMany(
            m => m.Figures.Groups.Select(g => (IEnumerable<object?>)[m.Run, m.Model, g.By, g.Group, .. AccuracyCells(g.Accuracy)])));

    /// <summary>One row a run, model and bin of confidence.</summary>
    public static string Reliability(AnalysisReport report) => Write(
        ["run", "model", "low", "high", "pairs", "confidence", "accuracy"],
        Models(report).SelectMany(m => m.Figures.Reliability.Select(b =>
            (IEnumerable<object?>)[m.Run, m.Model, b.Low, b.High, b.Pairs, b.Confidence, b.Accuracy])));

    /// <summary>One row a comparison.</summary>
    public static string Comparisons(AnalysisReport report) => Write(
        [
            "run", "reference", "model", "rows", "reference_rows", "shared", "clusters", "difference", "standard_error", "low", "high",
            "both", "only_run",
            "only_reference", "mcnemar_p", "clustered_p", "unpaired_p", "p", "holm_p", "verdict", "words",
        ],
        (report.Comparisons?.Items ?? []).Select(c => (IEnumerable<object?>)
        [
            c.Run, c.Reference, AnalysisJson.Name(report.Comparisons!.Stage), c.Rows, c.ReferenceRows, c.Shared, c.Paired?.Clusters,
            c.Difference,
            c.StandardError, c.Low, c.High, c.Paired?.Both, c.Paired?.OnlyFirst, c.Paired?.OnlySecond, c.Paired?.McNemarP,
            c.Paired?.ClusteredP,
            c.Unpaired?.P, c.P, c.HolmP, AnalysisJson.Name(c.Verdict), c.Words,
        ]));

    private static IEnumerable<(string Run, string Model, EvaluationFigures Figures)> Models(AnalysisReport report) =>
        report.Runs.SelectMany(r => new[] { (r.Name, "best", r.Best), (r.Name, "final", r.Final) })
            .Where(m => m.Item3 is not null).Select(m => (m.Name, m.Item2, m.Item3!));

    private static IEnumerable<string> StageColumns(string stage) =>
        StageNames.Select(name => $"{stage}_{name}");

    private static IEnumerable<object?> StageCells(EvaluationFigures? f)
    {
        IEnumerable<object?> quantiles =
            RewardDistribution.Probabilities.Select((_, i) => (object?)(f?.Rewards.Quantiles.Count > i ? f.Rewards.Quantiles[i] : null));
        return
        [
            f is null ? null : AnalysisJson.Name(f.Source), f?.Step, .. AccuracyCells(f?.Accuracy), f?.Loss, f?.Margin.Mean,
            f?.Margin.StandardDeviation, f?.Rewards.Min, f?.Rewards.Mean, f?.Rewards.Max, .. quantiles, f?.CalibrationError, f?.Brier,
            f?.LengthCorrelation,
        ];
    }

    private static IEnumerable<object?> AccuracyCells(AccuracyEstimate? a) =>
        [a?.Pairs, a?.Clusters, a?.Correct, a?.Ties, a?.Value, a?.StandardError, a?.EffectivePairs, a?.Low, a?.High];

    private static string Write(IEnumerable<string> header, IEnumerable<IEnumerable<object?>> rows)
    {
        using var text = new StringWriter(CultureInfo.InvariantCulture) { NewLine = "\n" };
        using (var csv = CsvWriter.Create(text))
        {
            foreach (IEnumerable<object?> row in rows.Prepend(header))
            {
                foreach (object? cell in row)
                {
                    csv.WriteField(Text(cell));
                }

                csv.EndRecord();
            }
        }

        return text.ToString();
    }

    private static string Text(object? cell) => cell switch
    {
        null => "",
        double number => double.IsFinite(number) ? number.ToString("R", CultureInfo.InvariantCulture) : "",
        IFormattable value => value.ToString(null, CultureInfo.InvariantCulture),
        _ => cell.ToString() ?? "",
    };
}
