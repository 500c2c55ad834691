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
    /// Fails when the whole interval lies beyond the line, on either side: a mark that is right in one file and wrong in the other gives 0%. An accuracy beyond
    /// the line whose interval reaches back proves nothing. Random labels teach a model some direction by chance, and preferences agree or disagree with it, so
    /// that small evaluations stray farther from one half than the pairs alone make them (docs/diagnostics.md has figures).
    /// </summary>
    public static (Verdict Verdict, string Doubt) Of(AccuracyEstimate accuracy) => accuracy switch
    {
        { Low: > Line } or { High: < 1 - Line } => (Verdict.Fail, ""),
        { Observed: > Line } or { Observed: < 1 - Line } =>
            (Verdict.Inconclusive, "Beyond the line, but chance can do that with so few pairs: evaluate on more, or try another --diagnostic-seed."),
        { EffectivePairs: < FewestPairs } => (Verdict.Inconclusive, "Too few evaluation pairs to tell a leak from none: evaluate on 100 at least."),
        _ => (Verdict.Pass, ""),
    };
}
