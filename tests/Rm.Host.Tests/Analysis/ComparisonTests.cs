using Rm.Formats;
using Rm.Host.Analysis;
using Rm.Training.Statistics;

namespace Rm.Host.Tests.Analysis;

/// <summary>What is said about two runs.</summary>
public sealed class ComparisonTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Identical_runs_differ_by_nothing_with_certainty(int seed)
    {
        Comparison comparison = Compare(Rows.Random(seed), Rows.Shuffled(Rows.Random(seed), 3));
        Assert.Equal((0, 0.0, 1.0, 1.0, 1.0),
            (comparison.Paired!.OnlyFirst, comparison.Difference, comparison.P, comparison.HolmP, comparison.Paired.McNemarP));
        Assert.Equal((0.0, 0.0), (comparison.Low!.Value, comparison.High!.Value));
        Assert.Equal(ComparisonVerdict.WithinNoise, comparison.Verdict);
        Assert.Equal("b is as accurate as a (95% 0.0 to 0.0): within noise, both get the same rows right.", comparison.Words);
    }

    // The training guide reports 71.0% against 68.8% on 1,000 rows as a win.
    [Fact]
    public void Two_points_over_a_thousand_rows_are_within_noise()
    {
        AccuracyEstimate first = AccuracyEstimate.FromCounts(710, 1000, 0), second = AccuracyEstimate.FromCounts(688, 1000, 0);
        UnpairedDifference difference = UnpairedDifference.Of(first, second)!;
        Assert.Equal(0.022, difference.Difference, 1e-12);

        // sqrt(0.71 * 0.29 / 999 + 0.688 * 0.312 / 999), and 2 * scipy.stats.t.sf(t, 1998)
        Assert.Equal(0.0205177235, difference.StandardError, 1e-9);
        Assert.Equal(1.1, Math.Round(difference.Difference / difference.StandardError, 1));
        Assert.Equal(0.2836, difference.P, 1e-3);

        var report = AnalysisReport.Of([Totals("v3", 0.688), Totals("v4", 0.710)], baseline: "v3");
        Assert.Equal(
            "v4 is 2.2 points above v3 (95% -1.8 to +6.2): within noise, 1.1 standard errors as unpaired samples, p = 0.284. Note: without "
            + "eval-rows of both, they are compared as independent samples; whether their evaluation pairs are the same is not known.",
            Assert.Single(report.Comparisons!.Items).Words);
        Assert.Contains("v3, v4: has no eval-rows", string.Join('\n', AnalysisTables.Sentences(report)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_clear_win_is_called_one()
    {
        Comparison comparison =
            Compare(Rows.Of(new string('+', 60) + new string('-', 40)), Rows.Of(new string('+', 80) + new string('-', 20)), baseline: "a");
        Assert.Equal(ComparisonVerdict.Better, comparison.Verdict);
        Assert.StartsWith("b is 20.0 points above a (95% +12.0 to +28.0): more than noise, 5.0 standard errors, p < 0.0005",
            comparison.Words, StringComparison.Ordinal);
        Assert.Equal(ComparisonVerdict.Worse, Compare(Rows.Of("++++++++++++++++"), Rows.Of("----------------")).Verdict);
    }

    [Fact]
    public void The_larger_p_decides_so_that_a_handful_of_rows_proves_nothing()
    {
        // Five rows differ, all one way: the clustered t is sure (p = 0.024), the exact test is not (1/16).
        Comparison comparison = Compare(Rows.Of(new string('+', 100)), Rows.Of("-----" + new string('+', 95)));
        Assert.Equal(0.0625, comparison.Paired!.McNemarP, 1e-12);
        Assert.True(comparison.Paired.ClusteredP < 0.05);
        Assert.Equal(0.0625, comparison.P!.Value, 1e-12);
        Assert.Equal(ComparisonVerdict.WithinNoise, comparison.Verdict);

        // Thirty copies of one cluster's row: McNemar is sure, but only four clusters differ.
        string outcomes = new string('-', 40) + new string('+', 60);
        Comparison dependent = Compare(Rows.Of(new string('+', 100), i => $"c{i / 10}"), Rows.Of(outcomes, i => $"c{i / 10}"));
        Assert.True(dependent.Paired!.McNemarP < 1e-6);
        Assert.Equal(dependent.Paired.ClusteredP, dependent.P);
        Assert.True(dependent.P > 0.01);
    }

    [Fact]
    public void Holm_takes_back_what_does_not_stand_among_many()
    {
        // Nine rows one way, one the other: p = 0.0215 alone.
        IReadOnlyList<EvalRow> reference = Rows.Of(new string('+', 90) + "-" + new string('+', 9)),
            other = Rows.Of("---------" + new string('+', 91));
        RunInput[] runs = [Rows.Run("ref", reference), .. Enumerable.Range(0, 4).Select(i => Rows.Run($"r{i}", other))];
        ComparisonTable table = AnalysisReport.Of(runs).Comparisons!;
        Assert.Equal("ref", table.Reference);
        Assert.All(table.Items, c => Assert.Equal((0.021484375, 4 * 0.021484375), (c.P!.Value, c.HolmP!.Value), new Near(1e-9)));
        Assert.All(table.Items, c => Assert.Equal(ComparisonVerdict.WithinNoise, c.Verdict));
        Assert.Contains("would count by itself but not among this many", table.Items[0].Words, StringComparison.Ordinal);
        Assert.Equal(ComparisonVerdict.Worse, AnalysisReport.Of(runs[..2]).Comparisons!.Items[0].Verdict);
    }

    [Fact]
    public void Different_rows_are_told_and_only_shared_ones_compared()
    {
        Comparison half = Compare(Rows.Of("++++++++++"), Rows.Of("+-+-+-+-+-", firstPair: 5));
        Assert.Equal((5, 10, 10, 5), (half.Shared, half.Rows, half.ReferenceRows, half.Paired!.Rows));
        Assert.Contains("the evaluation rows differ: compared on the 5 that both have, of 10 and 10", half.Words, StringComparison.Ordinal);

        Comparison none = Compare(Rows.Of("++++"), Rows.Of("+--+", firstPair: 50));
        Assert.Equal((ComparisonVerdict.NotCompared, (double?)null, (double?)null), (none.Verdict, none.P, none.HolmP));
        Assert.Equal("b is not compared with a: they were evaluated on different rows, none is shared.", none.Words);

        RunInput a = Totals("a", 0.7) with { EvalPairs = "1" }, b = Totals("b", 0.6) with { EvalPairs = "2" };
        Assert.Contains(
            "their evaluation pairs differ", Assert.Single(AnalysisReport.Of([a, b]).Comparisons!.Items).Words, StringComparison.Ordinal);

        Comparison single = Compare(Rows.Of("+-+-", _ => "c"), Rows.Of("-+--", _ => "c"));
        Assert.Contains("all rows belong to one cluster", single.Words, StringComparison.Ordinal);
        Assert.Equal(ComparisonVerdict.NotCompared, single.Verdict);
    }

    [Fact]
    public void A_pair_that_occurs_twice_is_joined_twice()
    {
        EvalRow[] a = [Rows.One(0, 1, pair: "x"), Rows.One(1, -1, pair: "x"), Rows.One(2, 1, pair: "y"), Rows.One(3, 1, pair: "z")];
        EvalRow[] b = [Rows.One(0, 1, pair: "x"), Rows.One(1, 1, pair: "y"), Rows.One(2, -1, pair: "y"), Rows.One(3, -1, pair: "x")];
        var join = RowJoin.Of(a, b);
        Assert.Equal(["x", "y", "x"], join.Second.Select(r => r.Pair));
        Assert.Equal([1.0, 1, -1], join.First.Select(r => r.Gap));
        Assert.Equal([1.0, 1, -1], join.Second.Select(r => r.Gap));
        string notes = string.Join('\n', AnalysisReport.Of([Rows.Run("a", a), Rows.Run("b", b)]).Runs.SelectMany(r => r.Notes));
        Assert.Contains("1 of 4 evaluation rows repeat a pair", notes, StringComparison.Ordinal);
        Assert.Contains("2 of 4 evaluation rows repeat a pair", notes, StringComparison.Ordinal);
    }

    [Fact]
    public void The_reference_is_the_best_finished_run_or_the_one_named()
    {
        RunInput[] runs =
        [
            Rows.Run("a", Rows.Of("++--")), Rows.Run("b", Rows.Of("+++-")),
            Rows.Run("c", Rows.Of("++++")) with { State = RunCompletion.Unfinished },
            new("d", "/d", RunCompletion.Broken) { Problem = "d/run.json: not valid JSON" },
        ];
        ComparisonTable best = AnalysisReport.Of(runs).Comparisons!;
        Assert.Equal(("b", "a"), (best.Reference, Assert.Single(best.Items).Run));
        Assert.Equal(["c", "d"], best.LeftOut);
        Assert.Equal(
            ["b", "a"], [AnalysisReport.Of(runs, "a").Comparisons!.Items[0].Run, AnalysisReport.Of(runs, "a").Comparisons!.Reference]);
        Assert.Equal(["a", "b"], AnalysisReport.Of(runs, "c").Comparisons!.Items.Select(i => i.Run));
        Assert.Contains(
            "a, b, c, d", Assert.Throws<UserInputException>(() => AnalysisReport.Of(runs, "e")).Message, StringComparison.Ordinal);
        Assert.Contains(
            "not valid JSON", Assert.Throws<UserInputException>(() => AnalysisReport.Of(runs, "d")).Message, StringComparison.Ordinal);
        Assert.Null(AnalysisReport.Of(runs[..1]).Comparisons);
    }

    private static Comparison Compare(IReadOnlyList<EvalRow> a, IReadOnlyList<EvalRow> b, string? baseline = "a") =>
        Assert.Single(AnalysisReport.Of([Rows.Run("a", a), Rows.Run("b", b)], baseline).Comparisons!.Items);

    private static RunInput Totals(string name, double accuracy) => new(name, $"/{name}", RunCompletion.Completed)
    {
        BestStep = 10,
        Evaluations = [new EvaluationPoint(10, 1000, accuracy, null, 0, 0.6, 0.5, -1, 0, 1, 0.05, 0.2, null, [])],
    };
}
