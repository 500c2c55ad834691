namespace Rm.Training.Suites;

/// <summary>JudgeBench: accuracy over all pairs and by category, which the row's source tells. A tie is no win.</summary>
public static class JudgeBenchTable
{
    /// <summary>The table; sources of no known category stand by themselves.</summary>
    public static SuiteTable Of(IReadOnlyList<ScoredAnswers> rows)
    {
        ScoredAnswers[] named = [.. rows.Select(row => row with { Subset = Category(row.Subset) })];
        return new SuiteTable(
            [
                SuiteLine.OfRows("overall", [.. rows.Select(Won)], level: 0), .. SuiteLines.BySubset(named, Won, level: 1).Values,
            ],
            []);
    }

    private static double Won(ScoredAnswers row) => row.IsWon ? 1 : 0;

    private static string Category(string source) => source switch
    {
        _ when source.StartsWith("mmlu-pro", StringComparison.Ordinal) => "knowledge",
        "livebench-reasoning" => "reasoning",
        "livebench-math" => "math",
        "livecodebench" => "coding",
        _ => source,
    };
}
