using System.Globalization;
using Rm.Training.Statistics;

namespace Rm.Host.Analysis;

/// <summary>An analysis as tables and sentences for people: the same in a terminal and in Markdown.</summary>
public static class AnalysisTables
{
    // Groups and reliability of more runs than this side by side are for files.
    private const int MostRunsInDetail = 4;
    private const string Nothing = "-";

    /// <summary>The tables.</summary>
    public static IReadOnlyList<TextTable> Of(AnalysisReport report)
    {
        RunAnalysis[] evaluated = [.. report.Runs.Where(r => r.Best is not null)];
        var tables = new List<TextTable> { Runs(report) };
        if (evaluated.Length > 0)
        {
            tables.Add(Scores(evaluated));
        }

        if (report.Comparisons is { } comparisons)
        {
            tables.Add(Compared(comparisons));
        }

        if (evaluated.Length is > 0 and <= MostRunsInDetail)
        {
            tables.Add(Groups(evaluated));
            tables.AddRange(evaluated.Any(r => r.Best!.Reliability.Count > 0) ? [Reliability(evaluated)] : []);
        }

        return tables;
    }

    /// <summary>What the comparisons come to, and what a reader must know about single runs: a sentence each.</summary>
    public static IReadOnlyList<string> Sentences(AnalysisReport report)
    {
        var sentences = new List<string>();
        if (report.Comparisons is { } table)
        {
            sentences.AddRange(table.Items.Select(c => c.Words));
            if (table.Items.Any(c => c.Paired is not null))
            {
                sentences.Add("p is the larger of McNemar's exact p, which takes rows as independent, and the clustered one; Holm adjusts "
                    + "it for the number of comparisons.");
            }

            if (table.LeftOut.Count > 0)
            {
                sentences.Add($"Not compared, because not finished or without evaluation: {string.Join(", ", table.LeftOut)}.");
            }
        }

        if (report.Runs.Count(r => r.Best is not null) > MostRunsInDetail)
        {
            sentences.Add($"Groups and reliability of more than {MostRunsInDetail} runs are in the files of --output DIR.");
        }

        sentences.AddRange(
            report.Runs.Where(r => r.Run.Problem is not null).Select(r => $"{r.Name} is broken: {r.Run.Problem!.TrimEnd('.')}."));
        sentences.AddRange(report.Runs.SelectMany(r => r.Notes.Select(note => (r.Name, Note: note)))
            .GroupBy(n => n.Note, n => n.Name, StringComparer.Ordinal)
            .Select(names => $"{string.Join(", ", names)}: {names.Key}."));
        return sentences;
    }

    private static TextTable Runs(AnalysisReport report)
    {
        bool steps = report.Runs.Any(r => r.Run.State != RunCompletion.RowsOnly);
        bool clustered = report.Runs.Any(r => r.Best?.Accuracy.Clusters is { } clusters && clusters != r.Best.Accuracy.Pairs);
        string[] columns =
        [
            "run", .. report.DifferingSettings, .. steps ? ["state"] : Array.Empty<string>(), ">pairs",
            .. clustered ? [">clusters"] : Array.Empty<string>(), "best % [95%]",
            .. steps ? [">at step", "final % [95%]", "drop from peak [95%]"] : Array.Empty<string>(),
        ];
        return new TextTable("Accuracy", columns, [.. report.Runs.Select(r => (IReadOnlyList<string>)
        [
            r.Name, .. report.DifferingSettings.Select(s => r.Run.Settings.GetValueOrDefault(s) ?? Nothing), .. steps
                ? [State(r.Run)]
                : Array.Empty<string>(),
            Number(r.Best?.Accuracy.Pairs), .. clustered
                ? [Number(r.Best?.Accuracy.Clusters)]
                : Array.Empty<string>(), Accuracy(r.Best?.Accuracy),
            .. steps ? [Number(r.Best?.Step), Accuracy(r.Final?.Accuracy), Drop(r.Drop)] : Array.Empty<string>(),
        ])]);
    }

    private static TextTable Scores(RunAnalysis[] runs) => new(
        "Rewards and calibration (best model)",
        [
            "run", ">ties", ">loss", ">margin", ">sd", ">reward min", ">5%", ">median", ">95%", ">max", ">ECE", ">Brier",
            ">corr. with length",
        ],
        [.. runs.Select(r => (Name: r.Name, F: r.Best!)).Select(r => (IReadOnlyList<string>)
        [
            r.Name, Number(r.F.Accuracy.Ties), Real(r.F.Loss), Real(r.F.Margin.Mean), Real(r.F.Margin.StandardDeviation),
            Real(r.F.Rewards.Min),
            Quantile(r.F, 0.05), Quantile(r.F, 0.5), Quantile(r.F, 0.95), Real(r.F.Rewards.Max), Real(r.F.CalibrationError),
            Real(r.F.Brier),
            Real(r.F.LengthCorrelation),
        ])]);

    private static TextTable Compared(ComparisonTable table) => new(
        $"{(table.Stage == Stage.Best ? "Best" : "Final")} models against {table.Reference}",
        ["run", ">shared rows", "points [95%]", ">only run right", ">only ref. right", ">McNemar p", ">clustered p", ">p", ">Holm p",
            "verdict"],
        [.. table.Items.Select(c => (IReadOnlyList<string>)
        [
            c.Run, Number(c.Shared), Points(c.Difference, c.Low, c.High), Number(c.Paired?.OnlyFirst), Number(c.Paired?.OnlySecond),
            P(c.Paired?.McNemarP), P(c.Paired?.ClusteredP), P(c.P), P(c.HolmP), Words(c.Verdict),
        ])]);

    private static TextTable Groups(RunAnalysis[] runs) => new(
        "Accuracy by group (best model), % [95%]", ["by", "group", ">pairs", .. runs.Select(r => r.Name)],
        [.. runs.SelectMany(r => r.Best!.Groups.Select(g => (g.By, g.Group))).Distinct().Select(key => (IReadOnlyList<string>)
        [
            key.By, key.Group,
            string.Join('/', runs.Select(r => Find(r, key)?.Accuracy.Pairs).Where(n => n is not null).Distinct()),
            .. runs.Select(r => Accuracy(Find(r, key)?.Accuracy)),
        ])]);

    private static GroupFigures? Find(RunAnalysis run, (string By, string Group) key) =>
        run.Best!.Groups.FirstOrDefault(g => g.By == key.By && g.Group == key.Group);

    private static TextTable Reliability(RunAnalysis[] runs)
    {
        RunAnalysis[] known = [.. runs.Where(r => r.Best!.Reliability.Count > 0)];
        return new TextTable(
            "Reliability (best model): right / confidence (pairs)", ["confidence", .. known.Select(r => r.Name)],
            [.. Enumerable.Range(0, known[0].Best!.Reliability.Count).Select(b => (IReadOnlyList<string>)
            [
                string.Create(
                    CultureInfo.InvariantCulture, $"{known[0].Best!.Reliability[b].Low:F2} to {known[0].Best!.Reliability[b].High:F2}"),
                .. known.Select(r => r.Best!.Reliability[b]).Select(bin => bin.Pairs == 0 ? Nothing : string.Create(
                    CultureInfo.InvariantCulture, $"{bin.Accuracy:F3} / {bin.Confidence:F3} ({bin.Pairs})")),
            ])]);
    }

    private static string State(RunInput run) => run.State switch
    {
        RunCompletion.Completed => "done",
        RunCompletion.EarlyStopped => $"stopped early at {run.Step}",
        RunCompletion.Unfinished =>
            $"unfinished, step {run.Step ?? 0}{(run.Settings.GetValueOrDefault("steps") is { } steps ? $" of {steps}" : "")}",
        RunCompletion.RowsOnly => "rows",
        _ => "broken",
    };

    private static string Words(ComparisonVerdict verdict) => verdict switch
    {
        ComparisonVerdict.Better => "better",
        ComparisonVerdict.Worse => "worse",
        ComparisonVerdict.WithinNoise => "within noise",
        _ => "not compared",
    };

    private static string Accuracy(AccuracyEstimate? a) => a is null
        ? Nothing
        : string.Create(CultureInfo.InvariantCulture, $"{100 * a.Value:F1} [{100 * a.Low:F1}, {100 * a.High:F1}]");

    private static string Drop(OverfittingDrop? drop) =>
        drop is null ? Nothing : drop.PeakIsLast ? "none" : Points(drop.Drop, drop.Paired?.Low, drop.Paired?.High);

    private static string Points(double? difference, double? low, double? high) => difference is null
        ? Nothing
        : string.Create(CultureInfo.InvariantCulture, $"{100 * difference:+0.0;-0.0;0.0}")
            + (low is null ? "" : string.Create(CultureInfo.InvariantCulture, $" [{100 * low:+0.0;-0.0;0.0}, {100 * high:+0.0;-0.0;0.0}]"));

    private static string Quantile(EvaluationFigures figures, double probability) =>
        figures.Rewards.Quantiles.Count == 0
            ? Nothing
            : Real(figures.Rewards.Quantiles[RewardDistribution.Probabilities.ToList().IndexOf(probability)]);

    private static string P(double? p) =>
        p is null ? Nothing : p < 0.0005 ? "<0.0005" : p.Value.ToString("F3", CultureInfo.InvariantCulture);

    private static string Number(int? value) => value?.ToString(CultureInfo.InvariantCulture) ?? Nothing;

    private static string Real(double? value) =>
        value is { } v && double.IsFinite(v) ? v.ToString("F3", CultureInfo.InvariantCulture) : Nothing;
}
