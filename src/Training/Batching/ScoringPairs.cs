using Rm.Formats.Rendering;
using Rm.Kernels.Ops;

namespace Rm.Training.Batching;

/// <summary>
/// Pairs as they are scored: of what both sides begin with only so much is stored once as leaves a side's reward what it is alone, to the
/// bit (<see cref="SequenceLayoutBuilder.ExactPrefixLength"/>). Evaluation, <c>btrm score</c> and <c>btrm serve</c> so give one text one
/// reward. Training shares all of it.
/// </summary>
internal static class ScoringPairs
{
    /// <summary>The pairs with the prefixes that scoring shares.</summary>
    public static IReadOnlyList<PreferencePair> Of(IReadOnlyList<PreferencePair> pairs) =>
        [.. pairs.Select(pair => pair with { PrefixLength = SequenceLayoutBuilder.ExactPrefixLength(pair.PrefixLength) })];
}
