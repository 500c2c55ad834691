using Rm.Formats.Rendering;
using Rm.Kernels.Ops;

namespace Rm.Training.Batching;

/// <summary>
/// Pairs as they are scored: every answer of a row once, and of what its answers begin with only so much stored once as leaves a reward
/// what it is alone, to the bit (<see cref="SequenceLayoutBuilder.ExactPrefixLength"/>). Evaluation, <c>btrm score</c> and <c>btrm
/// serve</c> so give one text one reward. Training shares all of it.
/// </summary>
internal static class ScoringPairs
{
    /// <summary>The pairs with the prefixes that scoring shares; those of one row together where that fits the budget.</summary>
    public static IReadOnlyList<PairGroup> Of(IReadOnlyList<PreferencePair> pairs, int tokenBudget, bool sharePrefix) =>
        [.. PairGroup.ByRow(pairs).Select(Exact).SelectMany(
            group => group.PackedTokens(sharePrefix) <= tokenBudget ? [group] : Each(group.Pairs))];

    /// <summary>The same for each pair by itself.</summary>
    public static IReadOnlyList<PairGroup> Each(IReadOnlyList<PreferencePair> pairs) => [.. PairGroup.Each(pairs).Select(Exact)];

    private static PairGroup Exact(PairGroup group) => group.WithPrefix(SequenceLayoutBuilder.ExactPrefixLength(group.PrefixLength));
}
