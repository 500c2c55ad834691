namespace Rm.Host.Experiments.Diagnostics;

/// <summary>Judges an accuracy that must be one half because there was nothing to learn.</summary>
internal static class ChanceRule
{
    /// <summary>The training guide's line: above it the model has found something that should not be there.</summary>
    public const double Line = 0.55;

    // The interval of fewer pairs is wider than 10 points to each side.
    private const double FewestPairs = 100;

    /// <summary>The expectation in words.</summary>
    public const string Expected = "45% to 55%";

    /// <summary>
    /// Fails beyond the line on either side when one half lies outside the interval too; cannot tell beyond it otherwise, or with few pairs.
    /// </summary>
    public static (Verdict Verdict, string Doubt) Of(AccuracyEstimate accuracy)
    {
        bool beyond = accuracy.Observed > Line || accuracy.Observed < 1 - Line;
        bool excludesHalf = accuracy.Low > 0.5 || accuracy.High < 0.5;
        return (beyond, excludesHalf) switch
        {
            (true, true) => (Verdict.Fail, ""),
            (true, false) => (Verdict.Inconclusive, "Beyond the line, but chance alone can do that with so few pairs: evaluate on more."),
            _ when accuracy.EffectivePairs < FewestPairs => (Verdict.Inconclusive, "Too few evaluation pairs to tell a leak from none: evaluate on 100 at least."),
            _ => (Verdict.Pass, ""),
        };
    }
}
