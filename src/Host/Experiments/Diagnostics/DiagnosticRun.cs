using Rm.Formats.Datasets;
using Rm.Formats.Diagnostics;
using Rm.Formats.Rendering;
using Rm.Training.Evaluation;
using Rm.Training.Loop;
using Rm.Training.Model;
using Rm.Training.Statistics;

namespace Rm.Host.Experiments.Diagnostics;

/// <summary>Judges a finished training run that was a diagnostic.</summary>
internal static class DiagnosticRun
{
    // Training pairs that are scored again at the end: 95% of them within 3 points.
    private const int TrainSample = 1000;

    /// <summary>Scores a sample of the training pairs and puts the verdict together.</summary>
    public static DiagnosticOutcome Judge(
        DiagnosticOptions diagnostic, RewardModel model, TrainingOptions options, PairDataset train, IReadOnlyList<EvalRow>? eval,
        IReadOnlyList<EvalRow>? baseline)
    {
        IReadOnlyList<PreferencePair> sample = Sample(train.Pairs);
        PairRewards rewards = PairEvaluator.Score(model, sample, options.MicroTokenBudget, options.SharePrefix);
        return DiagnosticVerdict.Of(diagnostic, train.Report.Diagnostic!, rewards.ToRows(sample), eval, baseline);
    }

    // At even distances, so that all parts of a file are in it.
    private static IReadOnlyList<PreferencePair> Sample(IReadOnlyList<PreferencePair> pairs)
    {
        int count = Math.Min(TrainSample, pairs.Count);
        return [.. Enumerable.Range(0, count).Select(i => pairs[(int)((long)i * pairs.Count / count)])];
    }
}
