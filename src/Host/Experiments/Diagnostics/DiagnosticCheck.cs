namespace Rm.Host.Experiments.Diagnostics;

/// <summary>One thing that is looked at, and what was found.</summary>
/// <param name="Name">Name in snake case.</param>
/// <param name="Expected">What a sound pipeline gives, for people.</param>
/// <param name="Observed">What was found; null when it could not be measured.</param>
/// <param name="Low">Lower end of its 95% interval, or null.</param>
/// <param name="High">Upper end, or null.</param>
/// <param name="Verdict">Whether it is as expected.</param>
/// <param name="Meaning">What that means and what to do; empty when all is well.</param>
public sealed record DiagnosticCheck(
    string Name, string Expected, double? Observed, double? Low, double? High, Verdict Verdict, string Meaning);
