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
    public static IReadOnlyList<MicroBatch> Cut(IReadOnlyList<PreferencePair> pairs, int tokenBudget, bool sharePrefix)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tokenBudget, 1);
        var batches = new List<MicroBatch>();
        int first = 0;
        long tokens = 0;
        for (int i = 0; i < pairs.Count; i++)
        {
            int size = pairs[i].PackedTokens(sharePrefix);
            if (i > first && tokens + size > tokenBudget)
            {
                Close(i);
            }
            tokens += size;
        }
        if (pairs.Count > 0)
        {
            Close(pairs.Count);
        }
        return batches;

        void Close(int end)
        {
            batches.Add(new MicroBatch([.. pairs.Skip(first).Take(end - first)], checked((int)tokens)));
            first = end;
            tokens = 0;
        }
    }
}
