using Rm.Kernels.Ops;

namespace Rm.Training.Batching;

/// <summary>How large micro-batches get: what a memory plan is made for.</summary>
/// <param name="Tokens">Most packed tokens.</param>
/// <param name="Pairs">Most pairs of sequences; their tokens may be those of another micro-batch.</param>
/// <param name="LongestPair">Packed tokens of the longest pair or ranking, which no token budget makes smaller.</param>
/// <param name="SharePrefix">Whether what both sides of a pair begin with is stored once.</param>
public sealed record MicroBatchExtent(int Tokens, int Pairs, int LongestPair, bool SharePrefix)
{
    /// <summary>The micro-batches that <see cref="MicroBatch"/> cuts each of <paramref name="batches"/> into.</summary>
    public static MicroBatchExtent Of(IEnumerable<IReadOnlyList<PairGroup>> batches, int tokenBudget, bool sharePrefix)
    {
        int mostTokens = 0, mostPairs = 0, longest = 0;
        foreach (IReadOnlyList<PairGroup> batch in batches)
        {
            longest = Math.Max(longest, batch.Select(group => group.PackedTokens(sharePrefix)).DefaultIfEmpty().Max());
            foreach (MicroBatch micro in MicroBatch.Cut(batch, tokenBudget, sharePrefix))
            {
                int answers = micro.Groups.Sum(group => group.Answers.Count);
                (mostTokens, mostPairs) = (Math.Max(mostTokens, micro.PackedTokens), Math.Max(mostPairs, (answers + 1) / 2));
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
