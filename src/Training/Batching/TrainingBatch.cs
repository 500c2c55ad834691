using Rm.Formats.Rendering;

namespace Rm.Training.Batching;

/// <summary>The pairs of a step and how its loss is averaged over them.</summary>
/// <param name="Pairs">At least one pair.</param>
/// <param name="GroupSizes">
/// Where given, the step's loss is the mean over these consecutive groups of each group's mean; they add up to all pairs. Otherwise it is
/// the mean over pairs.
/// </param>
public sealed record TrainingBatch(IReadOnlyList<PreferencePair> Pairs, IReadOnlyList<int>? GroupSizes = null)
{
    /// <summary>The weight of every pair in the mean over pairs; null when all are 1, as they are in groups of equal size.</summary>
    public float[]? Weights() => GroupSizes is null || GroupSizes.Distinct().Count() == 1
        ? null
        : [.. GroupSizes.SelectMany(size => Enumerable.Repeat((float)((double)Pairs.Count / GroupSizes.Count / size), size))];

    /// <summary>The rankings that the pairs are of, where each is one example of the loss; null where each pair is one.</summary>
    public IReadOnlyList<PairGroup>? Rankings { get; private init; }

    /// <summary>What is computed together: the rankings, or each pair.</summary>
    public IReadOnlyList<PairGroup> Groups => Rankings ?? PairGroup.Each(Pairs);

    /// <summary>A batch of rankings, whose loss is the mean over them.</summary>
    public static TrainingBatch Of(IReadOnlyList<PairGroup> rankings) =>
        new([.. rankings.SelectMany(ranking => ranking.Pairs)]) { Rankings = rankings };
}
