using Rm.Formats.Rendering;

namespace Rm.Training.Evaluation;

/// <summary>Accuracy of a part of the pairs.</summary>
/// <param name="By">What the pairs are grouped by: domain, score_ratio or length_gap.</param>
/// <param name="Group">Value or range.</param>
/// <param name="Pairs">Pairs in the group.</param>
/// <param name="Accuracy">Share of them with chosen strictly above rejected.</param>
public sealed record GroupAccuracy(string By, string Group, int Pairs, double Accuracy)
{
    // Upper ends of the buckets; a value belongs to the first bucket whose end it is below.
    private static readonly double[] ScoreRatios = [1.5, 2, 4, 8, double.PositiveInfinity];
    private static readonly double[] LengthGaps = [-100, -20, 0, 1, 21, 101, double.PositiveInfinity];
    private static readonly string[] LengthGapNames = ["below -100", "-100..-21", "-20..-1", "0", "1..20", "21..100", "above 100"];

    /// <summary>Groups that the columns allow.</summary>
    public static IReadOnlyList<GroupAccuracy> Of(IReadOnlyList<PreferencePair> pairs, PairRewards rewards)
    {
        var groups = new List<GroupAccuracy>();
        groups.AddRange(Split("domain", pairs, rewards, p => p.Domain));
        groups.AddRange(Split(
            "score_ratio", pairs, rewards, p => p.ScoreRatio is { } ratio && !double.IsNaN(ratio) ? ScoreRatioBucket(ratio).Name : null));
        groups.AddRange(Split("length_gap", pairs, rewards, p => LengthGapBucket(p.Chosen.Length - p.Rejected.Length).Name));
        return groups;
    }

    private static IEnumerable<GroupAccuracy> Split(
        string by, IReadOnlyList<PreferencePair> pairs, PairRewards rewards, Func<PreferencePair, string?> key) =>
        Enumerable.Range(0, pairs.Count)
            .Select(i => (Key: key(pairs[i]), Correct: rewards.Chosen[i] > rewards.Rejected[i]))
            .Where(item => item.Key is not null)
            .GroupBy(item => item.Key!, StringComparer.Ordinal)
            .OrderBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => new GroupAccuracy(by, group.Key, group.Count(), group.Average(item => item.Correct ? 1.0 : 0.0)));

    /// <summary>The range that a score ratio falls into, and its position among the ranges.</summary>
    internal static (int Order, string Name) ScoreRatioBucket(double ratio)
    {
        int bucket = Array.FindIndex(ScoreRatios, end => ratio < end || double.IsPositiveInfinity(end));
        string name = bucket == 0 ? "below 1.5" : bucket == ScoreRatios.Length - 1 ? "8 and more"
            : $"{ScoreRatios[bucket - 1]}..{ScoreRatios[bucket]}";
        return (bucket, name);
    }

    /// <summary>The range that a length gap in tokens falls into, and its position among the ranges.</summary>
    internal static (int Order, string Name) LengthGapBucket(int gap)
    {
        int bucket = Array.FindIndex(LengthGaps, end => gap < end);
        return (bucket, LengthGapNames[bucket]);
    }
}
