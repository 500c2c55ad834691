using Rm.Host.Analysis;
using Rm.Training.Statistics;

namespace Rm.Host.Tests.Analysis;

/// <summary>Evaluation rows and runs made up for tests.</summary>
internal static class Rows
{
    public static EvalRow One(int row, double gap, string? cluster = null, string? pair = null, int lengthGap = 0) => new()
    {
        Row = row,
        Pair = pair ?? $"pair{row}",
        Cluster = cluster ?? $"cluster{row}",
        ChosenReward = (float)gap,
        RejectedReward = 0,
        ChosenTokens = 200 + lengthGap,
        RejectedTokens = 200,
    };

    /// <summary>A row a character: + right, - wrong, = tie.</summary>
    public static IReadOnlyList<EvalRow> Of(string outcomes, Func<int, string>? cluster = null, int firstPair = 0) =>
        [.. outcomes.Select((c, i) => One(i, c == '+' ? 1 : c == '-' ? -1 : 0, cluster?.Invoke(i), $"pair{firstPair + i}"))];

    public static RunInput Run(string name, IReadOnlyList<EvalRow> rows) =>
        new(name, $"/{name}", RunCompletion.RowsOnly) { BestRows = rows, FinalRows = rows };

    /// <summary>Random rows in clusters of one to <paramref name="largest"/>, whose rows share most of their difficulty.</summary>
    public static IReadOnlyList<EvalRow> Random(int seed, int count = 120, int largest = 5)
    {
        var random = new Random(seed);
        var rows = new List<EvalRow>();
        for (int cluster = 0; rows.Count < count; cluster++)
        {
            double level = random.NextDouble() - 0.4;
            for (int left = random.Next(1, largest + 1); left > 0 && rows.Count < count; left--)
            {
                rows.Add(One(
                    rows.Count, Math.Round(level + (random.NextDouble() - 0.5), 1), $"c{cluster}", lengthGap: random.Next(-150, 150)) with
                {
                    Domain = cluster % 3 == 0 ? "a" : "b",
                    ScoreRatio = random.Next(1, 12),
                });
            }
        }

        return rows;
    }

    public static IReadOnlyList<EvalRow> Shuffled(IReadOnlyList<EvalRow> rows, int seed)
    {
        EvalRow[] copy = [.. rows];
        new Random(seed).Shuffle(copy);
        return copy;
    }
}
