using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rm.Formats.Diagnostics;
using Rm.Formats.Rendering;
using Rm.Host.Analysis;
using Rm.Host.Experiments.Diagnostics;
using Rm.Host.Reporting.Html;
using Rm.Kernels.Ops;
using Rm.Training.Evaluation;
using Rm.Training.Statistics;

namespace Rm.Host.Tests.Evaluation;

/// <summary>
/// The same rewards have one accuracy and one interval wherever btrm prints them: 200 pairs in 20 prompts, 6 ties among them.
/// </summary>
public sealed class OneAccuracyTests
{
    private readonly IReadOnlyList<PreferencePair> _pairs = [.. Enumerable.Range(0, 200).Select(i =>
        PreferencePair.FromIds(
            [1, 2 + (i % 3)], [1, 7, 8], i) with { PromptHash = (UInt128)(i / 10), ContentHash = (UInt128)i, Subset = "all" })];

    private readonly PairRewards _rewards = new(200);
    private readonly AccuracyEstimate _expected;

    public OneAccuracyTests()
    {
        var random = new Random(3);
        for (int i = 0; i < 200; i++)
        {
            // Pairs of one prompt share most of their difficulty.
            double level = (i / 10 * 7 % 20) < 14 ? 0.6 : -0.4;
            _rewards.Add(i < 6 ? 0 : (float)(level + random.NextDouble() - 0.5), 0);
        }

        _expected = AccuracyEstimate.Of(_rewards.ToRows(_pairs));
    }

    private EvaluationResult Evaluated => EvaluationResult.From(_pairs, _rewards, new PairLossOptions());

    [Fact]
    public void Prompts_that_repeat_widen_the_interval()
    {
        Assert.Equal((200, 20, 6), (_expected.Pairs, _expected.Clusters!.Value, _expected.Ties));
        (double low, double high) = WilsonInterval.Of(_expected.Correct, 200);
        Assert.True(_expected.High - _expected.Low > 1.3 * (high - low), $"{_expected.Low} to {_expected.High} against {low} to {high}");
    }

    [Fact]
    public void Evaluations_and_sweeps() =>
        AssertSame(Evaluated.Accuracy, Evaluated.AccuracyLow, Evaluated.AccuracyHigh, Evaluated.Ties);

    [Fact]
    public void Subsets()
    {
        SubsetScore subset = SubsetScores.Of(_pairs, _rewards)!.Subsets.Single();
        AssertSame(subset.Accuracy, subset.Low, subset.High, _expected.Ties);
    }

    [Fact]
    public void Analyses_of_rows()
    {
        AccuracyEstimate analyzed = EvaluationFigures.Of(_rewards.ToRows(_pairs), step: 1).Accuracy;
        AssertSame(analyzed.Value, analyzed.Low, analyzed.High, analyzed.Ties);
    }

    [Fact]
    public void Analyses_of_a_line_of_metrics()
    {
        using var line = new MemoryStream();
        using (var writer = new Utf8JsonWriter(line))
        {
            writer.WriteStartObject();
            writer.WriteNumber("step", 1);
            EvaluationJson.WriteFields(writer, Evaluated, "eval_");
            writer.WriteEndObject();
        }

        line.WriteByte((byte)'\n');
        using var folder = new ScratchFolder();
        folder.Write("metrics.jsonl", Encoding.UTF8.GetString(line.ToArray()));
        AccuracyEstimate read = EvaluationFigures.Of(MetricsReader.Read(folder["metrics.jsonl"]).Evaluations.Single()).Accuracy;
        AssertSame(read.Value, read.Low, read.High, read.Ties);
    }

    [Fact]
    public void Diagnostics()
    {
        DiagnosticAccuracy judged = DiagnosticVerdict.Of(
            new DiagnosticOptions(DiagnosticMode.LabelShuffle), new DiagnosticReport(DiagnosticMode.LabelShuffle, 1, 0, 0, 0), [],
            _rewards.ToRows(_pairs), null).EvalAccuracy!;
        AssertSame(judged.Observed, judged.Low, judged.High, judged.Ties);
    }

    [Fact]
    public void Reports()
    {
        using var json = new MemoryStream();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            EvalRowFigures.Write(writer, "best", _rewards.ToRows(_pairs), -2, 2);
            writer.WriteEndObject();
        }

        JsonNode best = JsonNode.Parse(json.ToArray())!["best"]!;

        // A page keeps six digits.
        Assert.Equal(
            (Math.Round(_expected.Value, 6), Math.Round(_expected.Low, 6), Math.Round(_expected.High, 6), _expected.Ties),
            ((double)best["accuracy"]!, (double)best["accuracy_low"]!, (double)best["accuracy_high"]!, (int)best["ties"]!));
    }

    private void AssertSame(double accuracy, double low, double high, int ties) =>
        Assert.Equal((_expected.Value, _expected.Low, _expected.High, _expected.Ties), (accuracy, low, high, ties));
}
