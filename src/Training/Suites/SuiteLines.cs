namespace Rm.Training.Suites;

/// <summary>Lines of tables that several benchmarks have.</summary>
internal static class SuiteLines
{
    /// <summary>A line for every subset, in order of names.</summary>
    public static SortedDictionary<string, SuiteLine> BySubset(
        IReadOnlyList<ScoredAnswers> rows, Func<ScoredAnswers, double> value, int level) =>
        new(rows.GroupBy(row => row.Subset, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => SuiteLine.OfRows(group.Key, [.. group.Select(value)], level)),
            StringComparer.Ordinal);
}
