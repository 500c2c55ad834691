using Rm.Training.Statistics;

namespace Rm.Host.Experiments.Diagnostics;

/// <summary>
/// Judges an accuracy that must be what guessing gives (<see cref="AccuracyEstimate.Chance"/>: one half where there are no ties) because
/// there was nothing to learn.
/// </summary>
internal static class ChanceRule
{
    // The training guide's line is at 55%: farther from chance than this, the model has found something that should not be there.
    private const double Line = 0.05;

    // The interval of fewer pairs is wider than 10 points to each side.
    private const double FewestPairs = 100;

    /// <summary>The expectation in words.</summary>
    public const string Expected = "45% to 55%";

    /// <summary>
    /// Fails when the whole interval lies beyond the line, on either side: a mark that is right in one file and wrong in the other gives
    /// 0%. An accuracy beyond the line whose interval reaches back proves nothing. Random labels teach a model some direction by chance,
    /// and preferences agree or disagree with it, so that small evaluations stray farther from one half than the pairs alone make them
    /// (docs/diagnostics.md has figures).
    /// </summary>
    public static (Verdict Verdict, string Doubt) Of(AccuracyEstimate accuracy) => accuracy switch
    {
        _ when accuracy.Low > accuracy.Chance + Line || accuracy.High < accuracy.Chance - Line => (Verdict.Fail, ""),
        _ when Math.Abs(accuracy.Value - accuracy.Chance) > Line =>
            (Verdict.Inconclusive,
                "Beyond the line, but chance can do that with so few pairs: evaluate on more, or try another --diagnostic-seed."),
        { EffectivePairs: < FewestPairs } =>
            (Verdict.Inconclusive, "Too few evaluation pairs to tell a leak from none: evaluate on 100 at least."),
        _ => (Verdict.Pass, ""),
    };
}
