using Rm.Formats.Rendering;

namespace Rm.Training.Batching;

/// <summary>Pairs that go through the model together, in one packed row.</summary>
/// <param name="Pairs">The pairs, in batch order; at least one.</param>
/// <param name="PackedTokens">Tokens of the packed row.</param>
public sealed record MicroBatch(IReadOnlyList<PreferencePair> Pairs, int PackedTokens)
{
    /// <summary>
    /// Cuts a list of pairs into micro-batches of at most <paramref name="tokenBudget"/> packed tokens, in order; a larger pair gets one of
    /// its own. A prefix counts once when <paramref name="sharePrefix"/> is set.
    /// </summary>
    public static IReadOnlyList<MicroBatch> Cut(IReadOnlyList<PreferencePair> pairs, int tokenBudget, bool sharePrefix) =>
        [.. MicroBatchCut.Of(pairs.Select(pair => pair.PackedTokens(sharePrefix)), tokenBudget)
            .Select(cut => new MicroBatch([.. pairs.Skip(cut.First).Take(cut.Count)], cut.Tokens))];
}
