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
}
