using Rm.Formats.Rendering;
using Rm.Training.Statistics;

namespace Rm.Training.Evaluation;

/// <summary>Accuracy on the pairs of one subset.</summary>
/// <param name="Subset">Its name.</param>
/// <param name="Pairs">Pairs.</param>
/// <param name="Correct">Pairs with chosen strictly above rejected.</param>
/// <param name="Low">Lower end of the 95% interval (<see cref="AccuracyEstimate"/>).</param>
/// <param name="High">Upper end.</param>
public sealed record SubsetScore(string Subset, int Pairs, int Correct, double Low, double High)
{
    /// <summary>Share of correct pairs.</summary>
    public double Accuracy => (double)Correct / Pairs;
}

/// <summary>Score of a section: the mean of the accuracies of its subsets, weighted by the table's numbers.</summary>
/// <param name="Section">Its name.</param>
/// <param name="Score">Weighted mean over the subsets that are there.</param>
/// <param name="Subsets">Subsets that are there.</param>
/// <param name="Missing">Subsets that are not: the score is of a part of the section then.</param>
public sealed record SectionScore(string Section, double Score, IReadOnlyList<string> Subsets, IReadOnlyList<string> Missing);

/// <summary>Scores by subset and section as RewardBench reports them.</summary>
/// <param name="Subsets">Every subset of the rows, in order of names.</param>
/// <param name="Sections">Sections of which a subset is there.</param>
/// <param name="Unassigned">Subsets that belong to no section.</param>
public sealed record SubsetScores(
    IReadOnlyList<SubsetScore> Subsets, IReadOnlyList<SectionScore> Sections, IReadOnlyList<string> Unassigned)
{
    /// <summary>Mean of the sections' scores; null unless every section is there whole.</summary>
    public double? Overall =>
        Sections.Count == SectionTable.RewardBench.Count && Sections.All(section => section.Missing.Count == 0)
            ? Sections.Average(section => section.Score) : null;

    /// <summary>The scores; null when no row names a subset.</summary>
    public static SubsetScores? Of(IReadOnlyList<PreferencePair> pairs, PairRewards rewards)
    {
        SubsetScore[] subsets = [.. rewards.ToRows(pairs).Where(row => row.Subset is not null)
            .GroupBy(row => row.Subset!, StringComparer.Ordinal)
            .OrderBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => Score(group.Key, [.. group]))];
        if (subsets.Length == 0)
        {
            return null;
        }

        Dictionary<string, double> accuracies =
            subsets.ToDictionary(subset => subset.Subset, subset => subset.Accuracy, StringComparer.Ordinal);
        SectionScore[] sections = [.. SectionTable.RewardBench.Where(section => section.Subsets.Keys.Any(accuracies.ContainsKey))
            .Select(section => Score(section, accuracies))];
        string[] unassigned =
            [.. accuracies.Keys.Where(name => !SectionTable.RewardBench.Any(section => section.Subsets.ContainsKey(name)))];
        return new SubsetScores(subsets, sections, unassigned);
    }

    private static SubsetScore Score(string name, IReadOnlyList<EvalRow> rows)
    {
        var accuracy = AccuracyEstimate.Of(rows);
        return new SubsetScore(name, accuracy.Pairs, accuracy.Correct, accuracy.Low, accuracy.High);
    }

    private static SectionScore Score(BenchmarkSection section, Dictionary<string, double> accuracies)
    {
        (string Name, int Weight)[] there = [.. section.Subsets.Where(s => accuracies.ContainsKey(s.Key)).Select(s => (s.Key, s.Value))];
        return new SectionScore(
            section.Section, there.Sum(s => s.Weight * accuracies[s.Name]) / there.Sum(s => s.Weight), [.. there.Select(s => s.Name)],
            [.. section.Subsets.Keys.Where(name => !accuracies.ContainsKey(name))]);
    }
}
