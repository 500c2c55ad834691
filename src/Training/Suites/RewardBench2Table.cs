using Rm.Formats;

namespace Rm.Training.Suites;

/// <summary>
/// RewardBench 2: by subset the share of rows whose right answer is on top (answers that share the highest reward share the credit), Ties
/// by both formulas of <see cref="TiesScore"/>, and the plain mean of the subsets, once with each.
/// </summary>
public static class RewardBench2Table
{
    /// <summary>The subset that has a formula of its own.</summary>
    public const string Ties = "Ties";

    private static readonly string[] Subsets = ["Factuality", "Focus", "Math", "Precise IF", "Safety", Ties];

    /// <summary>The table. Throws <see cref="UserInputException"/> when a row of Ties has another id than ref:N or tied:N.</summary>
    public static SuiteTable Of(IReadOnlyList<ScoredAnswers> rows)
    {
        ScoredAnswers[] ties = [.. rows.Where(row => row.Subset == Ties)];
        if (ties.FirstOrDefault(row => !TiesScore.IsId(row.Id)) is { } odd)
        {
            throw new UserInputException(
                $"Row {odd.Id} of subset {Ties}: its id must be ref:N or tied:N, which tells the rows that belong together.");
        }

        var notes = new List<string>();
        SuiteLine[] plain = [.. SuiteLines.BySubset([.. rows.Where(row => row.Subset != Ties)], row => row.BestOf, level: 1).Values];
        string[] missing = [.. Subsets.Where(name => name == Ties ? ties.Length == 0 : !plain.Any(line => line.Name == name))];
        if (missing.Length > 0)
        {
            notes.Add($"{string.Join(", ", missing)}: not among the rows; the mean is of the other subsets.");
        }

        if (ties.Length == 0)
        {
            return new SuiteTable([Mean("mean of subsets", plain), .. plain], notes);
        }

        SuiteLine released = TiesLine("Ties", ties, TiesScore.Released),
            repository = TiesLine("Ties, repository's formula", ties, TiesScore.Repository);
        if (double.IsNaN(released.Score) || double.IsNaN(repository.Score))
        {
            notes.Add("A formula of Ties gives no number on these rows: no prompt is there both as ref:N and as tied:N, or a row lacks "
                + "right or wrong answers.");
        }

        return new SuiteTable(
            [
                Mean("mean of subsets", [.. plain, released]),
                Mean("mean of subsets, repository's formula of Ties", [.. plain, repository]), .. plain,
                released, repository,
            ],
            notes);
    }

    private static SuiteLine Mean(string name, IReadOnlyList<SuiteLine> lines) =>
        SuiteLine.OfParts(name, [.. lines.Select(line => (line, 1.0))], level: 0);

    private static SuiteLine TiesLine(string name, IReadOnlyList<ScoredAnswers> rows, Func<IReadOnlyList<ScoredAnswers>, double> formula)
    {
        (double low, double high) = SuiteIntervals.OfResamples(TiesScore.ByNumber(rows), draws => TiesScore.OfDraws(draws, formula));
        return new SuiteLine(name, formula(rows), low, high, rows.Count, Level: 1);
    }
}
