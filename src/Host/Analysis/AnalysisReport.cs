using Rm.Formats;
namespace Rm.Host.Analysis;

/// <summary>The analysis of one or more runs.</summary>
/// <param name="Runs">Runs in the order in which they were given.</param>
/// <param name="Comparisons">All against one; null with fewer than two that have ended.</param>
/// <param name="DifferingSettings">Names of the settings that are not the same in all runs that have settings, in order.</param>
public sealed record AnalysisReport(
    IReadOnlyList<RunAnalysis> Runs, ComparisonTable? Comparisons, IReadOnlyList<string> DifferingSettings)
{
    /// <summary>Analyses runs. Throws <see cref="UserInputException"/> when the baseline is not one of them.</summary>
    /// <param name="runs">Runs.</param>
    /// <param name="baseline">Name of the run to compare with; null for the best.</param>
    /// <param name="stage">Which model of each run to compare.</param>
    public static AnalysisReport Of(IReadOnlyList<RunInput> runs, string? baseline = null, Stage stage = Stage.Best)
    {
        RunAnalysis[] analyses = [.. runs.Select(RunAnalysis.Of)];
        RunInput[] configured = [.. runs.Where(r => r.Settings.Count > 0)];
        return new AnalysisReport(
            analyses, ComparisonTable.Of(analyses, baseline, stage),
            [.. configured.SelectMany(r => r.Settings.Keys).Distinct(StringComparer.Ordinal)
                .Where(key => configured.Select(r => r.Settings.GetValueOrDefault(key)).Distinct(StringComparer.Ordinal).Count() > 1)
                .Order(StringComparer.Ordinal)]);
    }
}
