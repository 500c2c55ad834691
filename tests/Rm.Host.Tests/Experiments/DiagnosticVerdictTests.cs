using System.Globalization;
using System.Text.Json;
using Rm.Formats.Diagnostics;
using Rm.Host.Experiments.Diagnostics;
using Rm.Training.Statistics;

namespace Rm.Host.Tests.Experiments;

/// <summary>What figures make a diagnostic pass, fail or tell nothing.</summary>
public sealed class DiagnosticVerdictTests
{
    [Theory]
    [InlineData(50, 100, Verdict.Pass)]
    [InlineData(540, 1000, Verdict.Pass)]
    [InlineData(50, 99, Verdict.Inconclusive)] // too few
    [InlineData(95, 162, Verdict.Inconclusive)] // 58.6%, 95% from 50.9%: random labels do that
    [InlineData(600, 1000, Verdict.Fail)]
    [InlineData(162, 162, Verdict.Fail)]
    [InlineData(0, 162, Verdict.Fail)] // a mark that is right in one file and wrong in the other
    [InlineData(68, 162, Verdict.Inconclusive)]
    public void Label_shuffle_must_stay_at_chance(int right, int pairs, Verdict expected)
    {
        DiagnosticOutcome outcome = Judge(DiagnosticMode.LabelShuffle, eval: Rows(right, pairs));
        Assert.Equal(expected, outcome.Verdict);
        Assert.Equal(expected == Verdict.Pass, outcome.Checks.Single().Meaning.Length == 0);
    }

    [Fact]
    public void Label_shuffle_at_another_rate_tells_nothing() => Assert.Equal(
        Verdict.Inconclusive, Judge(
            DiagnosticMode.LabelShuffle, eval: Rows(90, 100), options: new DiagnosticOptions(DiagnosticMode.LabelShuffle, 0.3)).Verdict);

    [Theory]
    [InlineData(80, 162, 0, Verdict.Pass)]
    [InlineData(162, 162, 0, Verdict.Inconclusive)] // equal sides teach nothing: the untrained head
    [InlineData(162, 162, 400, Verdict.Fail)]
    [InlineData(80, 162, 1, Verdict.Fail)]
    public void Prompt_only_must_have_equal_sides(int right, int pairs, int tellingApart, Verdict expected) =>
        Assert.Equal(expected, Judge(DiagnosticMode.PromptOnly, eval: Rows(right, pairs), tellingApart: tellingApart).Verdict);

    [Fact]
    public void Ties_are_never_correct_and_chance_knows_it()
    {
        EvalRow[] ties = [.. Rows(0, 200).Select(row => row with { RejectedReward = row.ChosenReward })];
        DiagnosticOutcome outcome = Judge(DiagnosticMode.PromptOnly, train: ties, eval: ties);
        Assert.Equal((Verdict.Pass, 0.0, 200), (outcome.Verdict, outcome.EvalAccuracy!.Observed, outcome.EvalAccuracy.Ties));

        // 100 ties, and 100 pairs of which 50 are right: 25% is what guessing gives.
        EvalRow[] half = [.. Rows(50, 200).Select((row, i) => i >= 100 ? row with { RejectedReward = row.ChosenReward } : row)];
        Assert.Equal(Verdict.Pass, Judge(DiagnosticMode.LabelShuffle, eval: half).Verdict);

        // With 95 of the 100 right the sides are told apart, although 47.5% looks like chance.
        EvalRow[] told = [.. Rows(95, 200).Select((row, i) => i >= 100 ? row with { RejectedReward = row.ChosenReward } : row)];
        Assert.Equal(Verdict.Fail, Judge(DiagnosticMode.LabelShuffle, eval: told).Verdict);
    }

    [Theory]
    [InlineData(99, 100, 56, 100, Verdict.Pass)]
    [InlineData(70, 100, 56, 100, Verdict.Inconclusive)]
    [InlineData(50, 100, 50, 100, Verdict.Fail)]
    [InlineData(99, 100, 68, 100, Verdict.Inconclusive)]
    [InlineData(99, 100, 80, 100, Verdict.Inconclusive)] // answers that are rejected whatever the prompt
    [InlineData(99, 100, 500, 500, Verdict.Fail)]
    public void Random_negatives_are_learned_and_do_not_transfer(int trainRight, int train, int evalRight, int eval, Verdict expected) =>
        Assert.Equal(expected, Judge(DiagnosticMode.RandomNegatives, Rows(trainRight, train), Rows(evalRight, eval)).Verdict);

    [Fact]
    public void Random_negatives_of_transformed_evaluation_rows_are_easy_too()
    {
        var options = new DiagnosticOptions(DiagnosticMode.RandomNegatives, TransformEval: true);
        Assert.Equal(Verdict.Pass, Judge(DiagnosticMode.RandomNegatives, Rows(99, 100), Rows(97, 100), options: options).Verdict);
        Assert.Equal(Verdict.Fail, Judge(DiagnosticMode.RandomNegatives, Rows(99, 100), Rows(52, 100), options: options).Verdict);
    }

    [Theory]
    [InlineData(730, 640, 1000, Verdict.Pass)] // the guide's ten points
    [InlineData(730, 740, 1000, Verdict.Pass)]
    [InlineData(900, 500, 1000, Verdict.Fail)]
    [InlineData(16, 10, 20, Verdict.Inconclusive)]
    public void Length_matched_may_lose_some_points(int baseline, int matched, int pairs, Verdict expected) =>
        Assert.Equal(expected, Judge(DiagnosticMode.LengthMatched, eval: Rows(matched, pairs), baseline: Rows(baseline, pairs)).Verdict);

    [Fact]
    public void Length_matched_needs_a_baseline_on_the_same_pairs()
    {
        Assert.Equal(Verdict.Inconclusive, Judge(DiagnosticMode.LengthMatched, eval: Rows(60, 100)).Verdict);
        EvalRow[] others = [.. Rows(90, 100).Select(row => row with { Pair = "x" + row.Pair })];
        Assert.Equal(Verdict.Inconclusive, Judge(DiagnosticMode.LengthMatched, eval: Rows(60, 100), baseline: others).Verdict);
    }

    [Fact]
    public void Without_evaluation_rows_nothing_can_be_told()
    {
        foreach (DiagnosticMode mode in Enum.GetValues<DiagnosticMode>())
        {
            Assert.Equal(Verdict.Inconclusive, Judge(mode, train: Rows(99, 100)).Verdict);
        }
    }

    [Theory]
    [InlineData(70, 100, 120, 100, Verdict.Pass)]
    [InlineData(52, 100, 120, 100, Verdict.Inconclusive)]
    [InlineData(30, 100, 120, 100, Verdict.Fail)]
    [InlineData(500, 500, 120, 100, Verdict.Fail)]
    [InlineData(70, 100, 495, 5, Verdict.Fail)]
    [InlineData(70, 100, 5, 495, Verdict.Fail)]
    public void The_baseline_must_be_possible(int right, int pairs, long chosenOnly, long rejectedOnly, Verdict expected) =>
        Assert.Equal(expected, BaselineVerdict.Of(Rows(right, pairs), new ShortcutToken(3, " ", chosenOnly, rejectedOnly, 500)).Verdict);

    [Fact]
    public void Pairs_of_one_cluster_count_as_fewer()
    {
        EvalRow[] independent = [.. Rows(50, 100)];
        EvalRow[] clustered = [.. independent.Select((row, i) => row with { Cluster = $"{i / 10}" })];
        Assert.Equal(100, AccuracyEstimate.Of(independent).EffectivePairs, 6);

        // Ten clusters that are right or wrong as a whole are worth less than ten pairs, for their spread is estimated from ten values:
        // n p (1 - p) / (n - 1) / SE^2 * (t_99 / t_9)^2 with SE^2 = 10 / 9 * 10 * 5^2 / 100^2.
        var whole = AccuracyEstimate.Of(clustered);
        double ratio = StudentT.Quantile95(99) / StudentT.Quantile95(9);
        Assert.Equal(100 * (0.25 / 99) / (10.0 / 9 * 10 * 25 / 10_000) * ratio * ratio, whole.EffectivePairs, 6);
        Assert.Equal(WilsonInterval.Of(0.5, whole.EffectivePairs), (whole.Low, whole.High));
        Assert.Equal(Verdict.Inconclusive, Judge(DiagnosticMode.LabelShuffle, eval: clustered).Verdict);
    }

    [Fact]
    public void Outcomes_are_read_as_they_were_written()
    {
        DiagnosticOutcome outcome = Judge(DiagnosticMode.RandomNegatives, Rows(99, 100), Rows(56, 100));
        string json = JsonSerializer.Serialize(outcome, DiagnosticJson.Default.DiagnosticOutcome);
        Assert.Equal(json, JsonSerializer.Serialize(
            JsonSerializer.Deserialize(json, DiagnosticJson.Default.DiagnosticOutcome)!, DiagnosticJson.Default.DiagnosticOutcome));
        Assert.Contains("\"verdict\": \"pass\"", json, StringComparison.Ordinal);
        Assert.Contains("\"shuffle_rate\": 0.5", json, StringComparison.Ordinal);

        using var text = new StringWriter();
        DiagnosticText.WriteTable([outcome, DiagnosticOutcome.NotRun("length_matched", "no pair is left")], text);
        Assert.Contains("99.0%", text.ToString(), StringComparison.Ordinal);
        Assert.Contains("no pair is left", text.ToString(), StringComparison.Ordinal);
    }

    private static DiagnosticOutcome Judge(
        DiagnosticMode mode, IReadOnlyList<EvalRow>? train = null, IReadOnlyList<EvalRow>? eval = null,
        IReadOnlyList<EvalRow>? baseline = null,
        int tellingApart = 0, DiagnosticOptions? options = null) =>
        DiagnosticVerdict.Of(
            options ?? new DiagnosticOptions(mode), new DiagnosticReport(mode, 500, 250, 0, tellingApart), train ?? [], eval, baseline);

    private static EvalRow[] Rows(int right, int pairs) => [.. Enumerable.Range(0, pairs).Select(i => new EvalRow
    {
        Row = i,
        Pair = i.ToString(CultureInfo.InvariantCulture),
        Cluster = i.ToString(CultureInfo.InvariantCulture),
        ChosenReward = i < right ? 1 : 0,
        RejectedReward = i < right ? 0 : 1,
        ChosenTokens = 10,
        RejectedTokens = 10,
    })];
}
