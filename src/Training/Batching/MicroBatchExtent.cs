using Rm.Formats.Rendering;
using Rm.Kernels.Ops;

namespace Rm.Training.Batching;

/// <summary>How large micro-batches get: what a memory plan is made for.</summary>
/// <param name="Tokens">Most packed tokens.</param>
/// <param name="Pairs">Most pairs; their tokens may be those of another micro-batch.</param>
/// <param name="LongestPair">Packed tokens of the longest pair, which no token budget makes smaller.</param>
/// <param name="SharePrefix">Whether what both sides of a pair begin with is stored once.</param>
public sealed record MicroBatchExtent(int Tokens, int Pairs, int LongestPair, bool SharePrefix)
{
    /// <summary>The micro-batches that <see cref="MicroBatch.Cut"/> makes of each of <paramref name="batches"/>.</summary>
    public static MicroBatchExtent Of(IEnumerable<IReadOnlyList<PreferencePair>> batches, int tokenBudget, bool sharePrefix)
    {
        int mostTokens = 0, mostPairs = 0, longest = 0;
        foreach (IReadOnlyList<PreferencePair> batch in batches)
        {
            int[] sizes = [.. batch.Select(pair => pair.PackedTokens(sharePrefix))];
            longest = Math.Max(longest, sizes.DefaultIfEmpty().Max());
            foreach ((int _, int pairs, int tokens) in MicroBatchCut.Of(sizes, tokenBudget))
            {
                (mostTokens, mostPairs) = (Math.Max(mostTokens, tokens), Math.Max(mostPairs, pairs));
            }
        }

        return new MicroBatchExtent(mostTokens, mostPairs, longest, sharePrefix);
    }

    /// <summary>Without data: full micro-batches of pairs of <paramref name="pairTokens"/> packed tokens.</summary>
    public static MicroBatchExtent Full(int tokenBudget, int pairTokens, bool sharePrefix) =>
        new(Math.Max(tokenBudget, pairTokens), Math.Max(1, tokenBudget / pairTokens), pairTokens, sharePrefix);

    /// <summary>The extent under another budget: as many tokens as it allows, and no more pairs than now.</summary>
    public MicroBatchExtent WithBudget(int tokenBudget) => this with { Tokens = Math.Min(Tokens, Math.Max(tokenBudget, LongestPair)) };

    /// <summary>A micro-batch of this extent, of any tokens: equal pairs, a third of each shared where prefixes are.</summary>
    internal SequenceLayout Layout(int vocabulary)
    {
        var builder = new SequenceLayoutBuilder();
        int next = 0;

        // As many different ids as there can be: a gradient of the embedding sorts tokens by id.
        int[] Take(int count) => [.. Enumerable.Range(0, count).Select(_ => next++ % vocabulary)];

        for (int i = 0; i < Pairs; i++)
        {
            int tokens = Math.Max(2, (int)(((long)Tokens * (i + 1) / Pairs) - ((long)Tokens * i / Pairs)));
            int[] prefix = SharePrefix ? Take(tokens / 3) : [];
            int first = (tokens - prefix.Length) / 2;
            builder.AddGroup([[.. prefix, .. Take(first)], [.. prefix, .. Take(tokens - prefix.Length - first)]], prefix.Length, (ulong)i);
        }

        return builder.Build();
    }
}
