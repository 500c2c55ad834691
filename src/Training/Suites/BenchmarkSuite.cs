using Rm.Formats;
using Rm.Formats.Rows;

namespace Rm.Training.Suites;

/// <summary>A public benchmark of reward models: where it is, how its rows are read, and how rewards become its table.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Dataset">Where a hub has it.</param>
/// <param name="Split">The split that is scored.</param>
/// <param name="Read">Reads a row.</param>
/// <param name="Table">Makes its table of scored rows, at least one.</param>
public sealed record BenchmarkSuite(
    string Name, string Dataset, string Split, Func<DataRow, RowColumns, AnswerSet> Read,
    Func<IReadOnlyList<ScoredAnswers>, SuiteTable> Table)
{
    /// <summary>The benchmarks that are known.</summary>
    public static IReadOnlyList<BenchmarkSuite> All { get; } =
    [
        new("reward-bench", "allenai/reward-bench", "filtered", AnswerSetReader.ReadPair, RewardBenchTable.Of),
        new("reward-bench-2", "allenai/reward-bench-2", "test", (row, _) =>
            AnswerSetReader.ReadLists(row, "subset", count: 0), RewardBench2Table.Of),
        new("rm-bench", "THU-KEG/RM-Bench", "train", (row, _) =>
            AnswerSetReader.ReadLists(row, "domain", RmBenchTable.Styles), RmBenchTable.Of),
        new("judge-bench", "ScalerLab/JudgeBench", "gpt", (row, _) => AnswerSetReader.ReadLabelled(row), JudgeBenchTable.Of),
    ];

    /// <summary>The benchmark of that name. Throws <see cref="UserInputException"/> that lists the names.</summary>
    public static BenchmarkSuite Find(string name) => All.FirstOrDefault(suite => suite.Name == name)
        ?? throw new UserInputException(
            $"--suite {name}: no such benchmark. Known are {string.Join(", ", All.Select(suite => suite.Name))}.");
}
