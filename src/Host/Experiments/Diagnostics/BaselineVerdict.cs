using System.Globalization;
using Rm.Formats;
using Rm.Formats.Diagnostics;
using Rm.Training.Statistics;

namespace Rm.Host.Experiments.Diagnostics;

/// <summary>
/// What the run without a diagnostic says. A mark that the data themselves carry moves with the responses, so no transformation can show
/// it; it shows here: in a token that nearly always tells the sides apart, and in an accuracy that human preferences do not allow.
/// </summary>
internal static class BaselineVerdict
{
    /// <summary>Name of the run and of its outcome.</summary>
    public const string Name = "baseline";

    // People agree with each other on three pairs of four; nothing honest predicts them almost always.
    private const double TooGood = 0.95;

    private const double TooStrongShortcut = 0.9;
    private const long FewestPairs = 30;

    /// <summary>The outcome of a run.</summary>
    public static DiagnosticOutcome Of(IReadOnlyList<EvalRow> eval, ShortcutToken? shortcut)
    {
        AccuracyEstimate accuracy = eval.Count > 0
            ? AccuracyEstimate.Of(eval)
            : throw new UserInputException("The baseline has no evaluation rows.");
        List<DiagnosticCheck> checks = [Accuracy(accuracy)];
        if (shortcut is not null)
        {
            checks.Add(Token(shortcut));
        }

        return new DiagnosticOutcome(Name, checks.Max(check => check.Verdict), null, null, null, DiagnosticAccuracy.Of(accuracy), checks);
    }

    private static DiagnosticCheck Accuracy(AccuracyEstimate accuracy)
    {
        (Verdict verdict, string meaning) = accuracy switch
        {
            { Low: > TooGood } => (Verdict.Fail,
                "No reward model agrees with people this often: something in the rows or in the pipeline marks the chosen side."),
            _ when accuracy.High < accuracy.Chance =>
                (Verdict.Fail, "Worse than guessing: chosen and rejected may be swapped in the evaluation rows or in the training rows."),
            _ when accuracy.Low <= accuracy.Chance => (Verdict.Inconclusive,
                "Not told from guessing: with a model that learns so little, the diagnostics would not see much of a leak either."),
            _ => (Verdict.Pass, ""),
        };
        return new DiagnosticCheck(
            "eval_accuracy", "above 50%, at most 95%", accuracy.Value, accuracy.Low, accuracy.High, verdict, meaning);
    }

    private static DiagnosticCheck Token(ShortcutToken token)
    {
        bool marks = token.Accuracy > TooStrongShortcut && token.Pairs >= FewestPairs;
        return new DiagnosticCheck("telling_token", "at most 90%", token.Accuracy, null, null, marks ? Verdict.Fail : Verdict.Pass, marks
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"Token {token.Id}{(token.Text is null ? "" : $" \"{token.Text}\"")} stands in the chosen side only in {token.ChosenOnly} "
                    + $"and in the rejected side only in {token.RejectedOnly} of {token.Pairs} pairs: it marks the side.")
            : "");
    }
}
