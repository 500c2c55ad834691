using Rm.Formats;
using Rm.Training.Statistics;

namespace Rm.Host.Analysis;

/// <summary>All runs against one.</summary>
/// <param name="Stage">Which model of each run.</param>
/// <param name="Reference">Name of the run that the others are compared with.</param>
/// <param name="Items">A comparison for every other run.</param>
/// <param name="LeftOut">Names of runs that did not take part because they have not ended or have no evaluation.</param>
public sealed record ComparisonTable(Stage Stage, string Reference, IReadOnlyList<Comparison> Items, IReadOnlyList<string> LeftOut)
{
    /// <summary>
    /// Compares every finished run with the one named <paramref name="baseline"/>, else with that of the highest accuracy (lowest loss,
    /// then first name, among equals). Null when there are not two to compare. Throws <see cref="UserInputException"/> when the baseline
    /// cannot be one.
    /// </summary>
    public static ComparisonTable? Of(IReadOnlyList<RunAnalysis> runs, string? baseline, Stage stage)
    {
        RunAnalysis? named = baseline is null ? null : Named(runs, baseline, stage);
        RunAnalysis[] able = [.. runs.Where(r => r.At(stage) is not null && (r.IsFinished || r == named))];
        if (able.Length < 2)
        {
            return null;
        }

        RunAnalysis reference = named
            ?? able.OrderByDescending(r => r.At(stage)!.Accuracy.Value).ThenBy(r => r.At(stage)!.Loss)
                .ThenBy(r => r.Name, StringComparer.Ordinal).First();
        Comparison[] items = [.. able.Where(r => r != reference).Select(r => Compare(r, reference, stage))];
        var adjusted = new Queue<double>(HolmAdjustment.Of([.. items.Where(c => c.P is not null).Select(c => c.P!.Value)]));
        return new ComparisonTable(
            stage, reference.Name, [.. items.Select(c => c.P is null ? c : c with { HolmP = adjusted.Dequeue() })],
            [.. runs.Except(able).Select(r => r.Name)]);
    }

    /// <summary>One run against another, not adjusted.</summary>
    internal static Comparison Compare(RunAnalysis run, RunAnalysis reference, Stage stage)
    {
        AccuracyEstimate a = run.At(stage)!.Accuracy, b = reference.At(stage)!.Accuracy;
        var comparison = new Comparison(run.Name, reference.Name, a.Pairs, b.Pairs, null, null, null, null, []);
        if (run.Rows(stage) is { } rows && reference.Rows(stage) is { } referenceRows)
        {
            return OnRows(comparison, rows, referenceRows);
        }

        if (run.Run.EvalPairs is { } own && reference.Run.EvalPairs is { } others && own != others)
        {
            return comparison with { Notes = ["their evaluation pairs differ (run.json)"] };
        }

        var notes = new List<string> { "without eval-rows of both, they are compared as independent samples" };
        if (a.Pairs != b.Pairs)
        {
            notes.Add($"evaluated on {a.Pairs} and {b.Pairs} pairs, which are not the same");
        }
        else if (run.Run.EvalPairs is null || reference.Run.EvalPairs is null)
        {
            notes.Add("whether their evaluation pairs are the same is not known");
        }

        return UnpairedDifference.Of(a, b) is { } difference
            ? comparison with { Unpaired = difference, Notes = notes }
            : comparison with { Notes = ["there are too few pairs"] };
    }

    private static Comparison OnRows(Comparison comparison, IReadOnlyList<EvalRow> rows, IReadOnlyList<EvalRow> referenceRows)
    {
        var join = RowJoin.Of(rows, referenceRows);
        int shared = join.First.Count;
        comparison = comparison with { Shared = shared };
        if (shared == 0)
        {
            return comparison with { Notes = ["they were evaluated on different rows, none is shared"] };
        }

        var difference = PairedDifference.Of(join);
        var notes = new List<string>();
        if (shared < rows.Count || shared < referenceRows.Count)
        {
            notes.Add($"the evaluation rows differ: compared on the {shared} that both have, of {rows.Count} and {referenceRows.Count}");
        }

        if (join.ClustersDiffer)
        {
            notes.Add($"their clusters have different names; those of {comparison.Reference} count");
        }

        if (difference.P is null)
        {
            notes.Add("all rows belong to one cluster, so the spread between clusters is unknown");
        }

        return comparison with { Paired = difference, Notes = notes };
    }

    private static RunAnalysis Named(IReadOnlyList<RunAnalysis> runs, string baseline, Stage stage)
    {
        RunAnalysis run = runs.FirstOrDefault(r => r.Name == baseline)
            ?? throw new UserInputException(
                $"--baseline '{baseline}' is not among the runs: {string.Join(", ", runs.Select(r => r.Name))}.");
        return run.At(stage) is not null
            ? run
            : throw new UserInputException(
                $"--baseline '{baseline}' has no evaluation to compare with{(run.Run.Problem is { } problem ? $" ({problem})" : "")}.");
    }
}
