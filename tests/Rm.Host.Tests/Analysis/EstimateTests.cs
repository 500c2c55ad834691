using Rm.Host.Analysis;
using Rm.Training.Statistics;

namespace Rm.Host.Tests.Analysis;

/// <summary>Properties of the estimates that hold whatever the rows.</summary>
public sealed class EstimateTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_order_of_the_rows_changes_nothing(int seed)
    {
        IReadOnlyList<EvalRow> a = Rows.Random(seed), b = Rows.Random(seed + 100);
        byte[] expected = AnalysisJson.Write(AnalysisReport.Of([Rows.Run("a", a), Rows.Run("b", b)]));
        byte[] shuffled =
            AnalysisJson.Write(AnalysisReport.Of([Rows.Run("a", Rows.Shuffled(a, seed)), Rows.Run("b", Rows.Shuffled(b, seed + 1))]));
        Assert.Equal(expected, shuffled);
    }

    [Theory]
    [InlineData("++++++++--")]
    [InlineData("+")]
    [InlineData("----")]
    [InlineData("++==--+-+-+++++")]
    public void Rows_that_are_clusters_of_their_own_give_the_plain_Wilson_interval(string outcomes)
    {
        var accuracy = AccuracyEstimate.Of(Rows.Of(outcomes));
        (double low, double high) = WilsonInterval.Of(outcomes.Count(c => c == '+'), outcomes.Length);
        Assert.Equal((low, high), (accuracy.Low, accuracy.High), new Near(1e-12));
        Assert.Equal(outcomes.Length, accuracy.EffectivePairs);
        Assert.Equal(outcomes.Count(c => c == '='), accuracy.Ties);

        // The sandwich over n clusters of one is the textbook variance with n - 1.
        double p = accuracy.Value;
        Assert.Equal(outcomes.Length == 1 ? null : Math.Sqrt(p * (1 - p) / (outcomes.Length - 1)), accuracy.StandardError, new Near(1e-12));
    }

    [Fact]
    public void Copies_of_a_row_in_its_cluster_add_nothing()
    {
        string outcomes = string.Concat(Enumerable.Repeat("++-+", 25));
        var once = AccuracyEstimate.Of(Rows.Of(outcomes));
        var thrice = AccuracyEstimate.Of(Rows.Of(string.Concat(outcomes.Select(c => new string(c, 3))), i => $"c{i / 3}"));
        Assert.Equal(once.StandardError!.Value, thrice.StandardError!.Value, 1e-12);

        // 100 effective pairs, less the adjustment for having 99 degrees of freedom where 299 were hoped for.
        double t = StudentT.Quantile95(299) / StudentT.Quantile95(99);
        Assert.Equal(99.0 * 300 / 299 * t * t, thrice.EffectivePairs, 1e-6);
        Assert.True(thrice.Low < once.Low + 0.002 && thrice.High > once.High - 0.002, "an interval must not shrink by copying rows");
    }

    [Fact]
    public void Clusters_of_which_nothing_can_be_seen_count_as_one_row_each()
    {
        var perfect = AccuracyEstimate.Of(Rows.Of("++++++", i => $"c{i / 2}"));
        Assert.Equal(3, perfect.EffectivePairs);
        Assert.Equal(WilsonInterval.Of(3, 3), (perfect.Low, perfect.High), new Near(1e-12));
        var single = AccuracyEstimate.Of(Rows.Of("++-", _ => "c"));
        Assert.Equal(1, single.EffectivePairs);
        Assert.Null(single.StandardError);
        Assert.InRange(single.Value, single.Low, single.High);
    }

    [Fact]
    public void Sandwich_by_hand()
    {
        // p = 3/5; residual sums of the clusters {+, +}, {-}, {+, -}: 0.8, -0.6, -0.2; SE^2 = 3/2 * (0.64 + 0.36 + 0.04) / 25.
        IReadOnlyList<EvalRow> rows = Rows.Of("++-+-", i => "aabcc"[i].ToString());
        Assert.Equal(Math.Sqrt(1.5 * 1.04 / 25), AccuracyEstimate.Of(rows).StandardError!.Value, 1e-12);
    }

    // Dependent rows: each cluster has its own probability. 2,000 samples put the true coverage within 1.5 points with near certainty.
    [Fact]
    public void Intervals_cover_the_truth_about_95_times_in_100()
    {
        const int Samples = 2000;
        const double Truth = 0.7;
        var random = new Random(20261122);
        int covered = 0, coveredUnclustered = 0, coveredDifference = 0;
        for (int sample = 0; sample < Samples; sample++)
        {
            (List<EvalRow>? a, List<EvalRow>? b) = (new List<EvalRow>(), new List<EvalRow>());
            for (int cluster = 0; cluster < 60; cluster++)
            {
                double p = random.NextDouble() < 0.5 ? Truth - 0.25 : Truth + 0.25;
                for (int left = 5; left > 0; left--)
                {
                    a.Add(Rows.One(a.Count, random.NextDouble() < p ? 1 : -1, $"c{cluster}"));
                    b.Add(Rows.One(b.Count, random.NextDouble() < p - 0.1 ? 1 : -1, $"c{cluster}"));
                }
            }

            var accuracy = AccuracyEstimate.Of(a);
            covered += accuracy.Low <= Truth && Truth <= accuracy.High ? 1 : 0;
            var plain = AccuracyEstimate.FromCounts(accuracy.Correct, accuracy.Pairs, 0);
            coveredUnclustered += plain.Low <= Truth && Truth <= plain.High ? 1 : 0;
            var difference = PairedDifference.Of(RowJoin.Of(a, b));
            coveredDifference += difference.Low <= 0.1 && 0.1 <= difference.High ? 1 : 0;
        }

        Assert.InRange((double)covered / Samples, 0.935, 0.97);
        Assert.InRange((double)coveredDifference / Samples, 0.935, 0.97);

        // What is lost by forgetting about clusters, and that the test would see it.
        Assert.InRange((double)coveredUnclustered / Samples, 0.5, 0.92);
    }

    [Fact]
    public void Quantiles_and_spread_by_hand()
    {
        var spread = RewardDistribution.Of([4, 1, 3, 2]);
        Assert.Equal((2.5, 1.0, 4.0), (spread.Mean, spread.Min, spread.Max));
        Assert.Equal(Math.Sqrt(5.0 / 3), spread.StandardDeviation!.Value, 1e-12);
        Assert.Equal([1.03, 1.15, 1.75, 2.5, 3.25, 3.85, 3.97], spread.Quantiles.Select(q => Math.Round(q, 12)));
        Assert.Null(RewardDistribution.Of([4]).StandardDeviation);
    }

    [Fact]
    public void The_reliability_curve_adds_up_to_the_calibration_error()
    {
        double[] gaps = [.. Rows.Random(5, count: 400).Select(r => 4 * r.Gap)];
        IReadOnlyList<ReliabilityBin> curve = ReliabilityBin.Curve(gaps);
        Assert.Equal(10, curve.Count);
        Assert.Equal(400, curve.Sum(b => b.Pairs));
        Assert.Equal(
            CalibrationError.Of(gaps),
            curve.Where(b => b.Pairs > 0).Sum(b => b.Pairs / 400.0 * Math.Abs(b.Confidence!.Value - b.Accuracy!.Value)), 1e-12);
    }

    [Fact]
    public void Groups_are_the_parts_of_the_whole()
    {
        var figures = EvaluationFigures.Of(Rows.Random(9), null);
        foreach (IGrouping<string, GroupFigures> by in figures.Groups.GroupBy(g => g.By))
        {
            Assert.Equal(figures.Accuracy.Pairs, by.Sum(g => g.Accuracy.Pairs));
            Assert.Equal(figures.Accuracy.Correct, by.Sum(g => g.Accuracy.Correct));
            Assert.Equal(figures.Accuracy.Ties, by.Sum(g => g.Accuracy.Ties));
        }

        Assert.Equal(["domain", "score_ratio", "length_gap"], figures.Groups.Select(g => g.By).Distinct());
        Assert.Equal(
            ["below -100", "-100..-21", "-20..-1", "1..20", "21..100", "above 100"],
            figures.Groups.Where(g => g.By == "length_gap" && g.Group != "0").Select(g => g.Group));
    }
}
