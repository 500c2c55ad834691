using System.Globalization;
using Rm.Formats.Diagnostics;
using Rm.Training.Statistics;

namespace Rm.Host.Experiments.Diagnostics;

/// <summary>What a diagnostic's figures say. docs/diagnostics.md explains each rule; the lines come from the training guide.</summary>
internal static class DiagnosticVerdict
{
    // Labels that are swapped more or less often than this still carry a signal.
    private const double ShuffleTolerance = 0.02;

    // Random negatives: the guide has about 100% on training rows and 56% on real ones.
    private const double Learned = 0.8;
    private const double Transfer = 0.65;
    private const double TransferTooGood = 0.95;

    // Length matched: the guide lost 10 points on SHP.
    private const double MostDrop = 0.15;

    /// <summary>The outcome of a run.</summary>
    /// <param name="options">The diagnostic.</param>
    /// <param name="rows">What it did to the training rows.</param>
    /// <param name="train">Training pairs as they were trained on, scored by the final model.</param>
    /// <param name="eval">Evaluation pairs scored by it, or null.</param>
    /// <param name="baseline">Evaluation pairs scored by the run without a diagnostic, or null.</param>
    public static DiagnosticOutcome Of(
        DiagnosticOptions options, DiagnosticReport rows, IReadOnlyList<EvalRow> train, IReadOnlyList<EvalRow>? eval,
        IReadOnlyList<EvalRow>? baseline)
    {
        AccuracyEstimate? trained = Estimate(train), evaluated = Estimate(eval);
        DiagnosticCheck[] checks =
        [
            .. options.Mode switch
            {
                DiagnosticMode.LabelShuffle => [LabelShuffle(options, evaluated)],
                DiagnosticMode.PromptOnly => PromptOnly(rows, evaluated),
                DiagnosticMode.RandomNegatives => RandomNegatives(options, trained, evaluated),
                _ => new[] { LengthMatched(eval, baseline) },
            },
        ];
        return new DiagnosticOutcome(
            DiagnosticOptions.NameOf(options.Mode), checks.Max(check => check.Verdict), options, rows, DiagnosticAccuracy.Of(trained),
            DiagnosticAccuracy.Of(evaluated),
            checks);
    }

    private static AccuracyEstimate? Estimate(IReadOnlyList<EvalRow>? rows) => rows is { Count: > 0 } ? AccuracyEstimate.Of(rows) : null;

    private static DiagnosticCheck LabelShuffle(DiagnosticOptions options, AccuracyEstimate? eval)
    {
        if (eval is null)
        {
            return NoEvaluation(ChanceRule.Expected);
        }

        if (Math.Abs(options.ShuffleRate - 0.5) > ShuffleTolerance)
        {
            return Check(
                "eval_accuracy", "nothing at this rate", eval, Verdict.Inconclusive,
                $"With {Percent(options.ShuffleRate)} of the labels swapped a signal is left to learn; only 50% leaves none.");
        }

        (Verdict verdict, string doubt) = ChanceRule.Of(eval);
        return Check("eval_accuracy", ChanceRule.Expected, eval, verdict, verdict == Verdict.Fail
            ? "The labels were random, yet the real ones are predicted: something marks the chosen side after the labels are read "
                + "(template, tokenising, truncation, packing). Compare the tokens of both sides in the data report and in samples.jsonl."
            : doubt);
    }

    private static IEnumerable<DiagnosticCheck> PromptOnly(DiagnosticReport rows, AccuracyEstimate? eval)
    {
        yield return new DiagnosticCheck(
            "pairs_telling_apart", "0", rows.PairsTellingApart, null, null, rows.PairsTellingApart > 0 ? Verdict.Fail : Verdict.Pass,
            rows.PairsTellingApart > 0
                ? $"{rows.PairsTellingApart} pairs have different tokens on their two sides although both had the same text: the pipeline "
                    + $"marks a side."
                : "");
        if (eval is null)
        {
            yield return NoEvaluation(ChanceRule.Expected);
            yield break;
        }

        (Verdict verdict, string doubt) = ChanceRule.Of(eval);

        // Equal sides give no gradient, so the evaluation is of the head that the run started with.
        bool nothingLearned = verdict == Verdict.Fail && rows.PairsTellingApart == 0;
        yield return Check(
            "eval_accuracy", ChanceRule.Expected, eval, nothingLearned ? Verdict.Inconclusive : verdict, (verdict, nothingLearned) switch
            {
                (Verdict.Fail, false) =>
                    "A model that never saw a response predicts the preference: what marks the sides in training marks them in evaluation "
                        + "too.",
                (Verdict.Fail, true) =>
                    "Nothing was learned, as both sides were equal in every pair, so this is the head that training began with: it agrees "
                    + "or disagrees with the preference by chance (with lengths, say). Another --seed decides.",
                _ => doubt,
            });
    }

    private static IEnumerable<DiagnosticCheck> RandomNegatives(DiagnosticOptions options, AccuracyEstimate? train, AccuracyEstimate? eval)
    {
        yield return train is null
            ? new DiagnosticCheck("train_accuracy", "near 100%", null, null, null, Verdict.Inconclusive, "There is no training pair.")
            : Easy("train_accuracy", train);
        if (eval is null)
        {
            yield return NoEvaluation(options.TransformEval ? "near 100%" : "about 55%");
        }
        else if (options.TransformEval)
        {
            yield return Easy("eval_accuracy", eval);
        }
        else
        {
            yield return Transferred(eval);
        }
    }

    // Half of the negatives are answers that were rejected elsewhere, so what makes an answer rejected everywhere is learned as well.
    private static DiagnosticCheck Transferred(AccuracyEstimate eval)
    {
        Verdict verdict = eval.Low > TransferTooGood ? Verdict.Fail : eval.Value > Transfer ? Verdict.Inconclusive : Verdict.Pass;
        return Check("eval_accuracy", "about 55%, at most 65%", eval, verdict, verdict switch
        {
            Verdict.Fail => "Telling answers to this prompt from answers to others cannot predict every preference: a mark of the chosen "
                + "side was learned.",
            Verdict.Inconclusive =>
                "More of the preference than expected. Either the rejected answers of these data can be told without their prompts, or "
                + "something marks the chosen side: see label_shuffle and the strongest shortcut token of the data report.",
            _ => "",
        });
    }

    private static DiagnosticCheck Easy(string name, AccuracyEstimate accuracy)
    {
        Verdict verdict = accuracy.Value >= Learned && accuracy.Low > accuracy.Chance ? Verdict.Pass : accuracy.Low > accuracy.Chance
            ? Verdict.Inconclusive : Verdict.Fail;
        return Check(name, "near 100%, at least 80%", accuracy, verdict, verdict switch
        {
            Verdict.Fail => "The model cannot tell an answer from one to another prompt, the easiest task there is: training does not "
                + "work, or the prompt does not reach it. Look at --lr, --steps and at the texts in samples.jsonl.",
            Verdict.Inconclusive => "It is learning, but not done: train for more steps or at a higher --lr.",
            _ => "",
        });
    }

    private static DiagnosticCheck LengthMatched(IReadOnlyList<EvalRow>? eval, IReadOnlyList<EvalRow>? baseline)
    {
        const string Expected = "0 to 15 points below the baseline";
        if (eval is null)
        {
            return NoEvaluation(Expected);
        }

        if (baseline is null)
        {
            return new DiagnosticCheck(
                "drop_from_baseline", Expected, null, null, null, Verdict.Inconclusive,
                $"There is nothing to compare with: give the run without a diagnostic with --diagnostic-baseline RUN, or use btrm "
                    + $"diagnose.");
        }

        var join = RowJoin.Of(baseline, eval);
        if (join.First.Count == 0)
        {
            return new DiagnosticCheck(
                "drop_from_baseline", Expected, null, null, null, Verdict.Inconclusive,
                "The baseline was evaluated on other pairs. Use the same evaluation rows.");
        }

        // A single cluster says nothing about the spread: there is no interval, and no verdict.
        var drop = PairedDifference.Of(join);
        Verdict verdict = drop.Low > MostDrop ? Verdict.Fail
            : drop.Difference > MostDrop || drop.High is null or > 2 * MostDrop ? Verdict.Inconclusive : Verdict.Pass;
        return new DiagnosticCheck("drop_from_baseline", Expected, drop.Difference, drop.Low, drop.High, verdict, verdict switch
        {
            Verdict.Fail => "Most of what the baseline knows is which answer is longer. Compare accuracy by length gap, and train on more "
                + "pairs of like length.",
            Verdict.Inconclusive => "Too few evaluation pairs to tell how large the drop is.",
            _ => "",
        });
    }

    private static DiagnosticCheck NoEvaluation(string expected) =>
        new("eval_accuracy", expected, null, null, null, Verdict.Inconclusive,
            "There are no evaluation rows: name them with --eval-file or --eval-split.");

    private static DiagnosticCheck Check(string name, string expected, AccuracyEstimate accuracy, Verdict verdict, string meaning) =>
        new(name, expected, accuracy.Value, accuracy.Low, accuracy.High, verdict, meaning);

    private static string Percent(double share) => share.ToString("P0", CultureInfo.InvariantCulture);
}
