using Rm.Training.Evaluation;

namespace Rm.Training.Suites;

/// <summary>
/// RewardBench: accuracy by subset, sections weighted by <see cref="SectionTable"/>, and the mean of the sections. A tie is no win.
/// </summary>
public static class RewardBenchTable
{
    /// <summary>The table; subsets that belong to no section come last.</summary>
    public static SuiteTable Of(IReadOnlyList<ScoredAnswers> rows)
    {
        SortedDictionary<string, SuiteLine> subsets = SuiteLines.BySubset(rows, row => row.IsWon ? 1 : 0, level: 2);
        var sections = new List<SuiteLine>();
        var lines = new List<SuiteLine>();
        var notes = new List<string>();
        foreach (BenchmarkSection section in SectionTable.RewardBench)
        {
            (SuiteLine Line, double Weight)[] there =
                [.. section.Subsets.Where(subset => subsets.ContainsKey(subset.Key))
                    .Select(subset => (subsets[subset.Key], (double)subset.Value))];
            string[] missing = [.. section.Subsets.Keys.Where(name => !subsets.ContainsKey(name))];
            if (there.Length > 0)
            {
                sections.Add(SuiteLine.OfParts(section.Section, there, level: 1));
                lines.AddRange([sections[^1], .. there.Select(part => part.Line)]);
            }

            if (missing.Length > 0)
            {
                notes.Add($"{section.Section} lacks {string.Join(", ", missing)}.");
            }
        }

        if (notes.Count == 0)
        {
            lines.Insert(0, SuiteLine.OfParts("mean of sections", [.. sections.Select(section => (section, 1.0))], level: 0));
        }

        SuiteLine[] others = [.. subsets.Values.Where(line => !lines.Contains(line))];
        return new SuiteTable(
            [SuiteLine.OfRows("all pairs", [.. rows.Select(row => row.IsWon ? 1.0 : 0)], level: 0), .. lines, .. others], notes);
    }
}
