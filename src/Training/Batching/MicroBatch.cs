using Rm.Formats.Rendering;

namespace Rm.Training.Batching;

/// <summary>Pairs that go through the model together, in one packed row.</summary>
/// <param name="Groups">The pairs or rankings, in batch order; at least one.</param>
/// <param name="PackedTokens">Tokens of the packed row.</param>
public sealed record MicroBatch(IReadOnlyList<PairGroup> Groups, int PackedTokens)
{
    /// <summary>All pairs, in batch order.</summary>
    public IReadOnlyList<PreferencePair> Pairs => [.. Groups.SelectMany(group => group.Pairs)];

    /// <summary>
    /// Cuts a list of pairs into micro-batches of at most <paramref name="tokenBudget"/> packed tokens, in order; a larger pair gets one of
    /// its own. A prefix counts once when <paramref name="sharePrefix"/> is set.
    /// </summary>
    public static IReadOnlyList<MicroBatch> Cut(IReadOnlyList<PreferencePair> pairs, int tokenBudget, bool sharePrefix) =>
        Cut(PairGroup.Each(pairs), tokenBudget, sharePrefix);

    /// <summary>The same for groups, which are not cut apart.</summary>
    public static IReadOnlyList<MicroBatch> Cut(IReadOnlyList<PairGroup> groups, int tokenBudget, bool sharePrefix) =>
        [.. MicroBatchCut.Of(groups.Select(group => group.PackedTokens(sharePrefix)), tokenBudget)
            .Select(cut => new MicroBatch([.. groups.Skip(cut.First).Take(cut.Count)], cut.Tokens))];
}
