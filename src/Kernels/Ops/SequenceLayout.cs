namespace Rm.Kernels.Ops;

/// <summary>
/// A run of consecutive tokens of one micro-batch row. A token sees the keys of its parent prefix
/// <c>[PrefixStart, PrefixStart + PrefixLength)</c> and, causally, those of its own segment up to itself.
/// </summary>
/// <param name="Start">First token row.</param>
/// <param name="Length">Number of tokens, at least 1.</param>
/// <param name="PrefixStart">First token row of the parent prefix; irrelevant when <paramref name="PrefixLength"/> is 0.</param>
/// <param name="PrefixLength">Tokens of the parent prefix; 0 for a prefix itself and for a sequence that shares nothing.</param>
public readonly record struct Segment(int Start, int Length, int PrefixStart, int PrefixLength);

/// <summary>
/// One packed micro-batch: a single row of T tokens without padding. Sequences that begin alike are stored as one prefix segment
/// followed by their tails, whose positions restart at the prefix's end. Under a causal mask the rewards and gradients are
/// those of separate sequences. Built by <see cref="SequenceLayoutBuilder"/>.
/// </summary>
public sealed class SequenceLayout
{
    internal SequenceLayout(int[] tokens, int[] positions, uint[] tokenKeys, Segment[] segments, int[] rewardRows)
    {
        Tokens = tokens;
        Positions = positions;
        TokenKeys = tokenKeys;
        Segments = segments;
        RewardRows = rewardRows;
    }

    /// <summary>The same sequences in the same order, each with its own copy of what it shared.</summary>
    public SequenceLayout WithoutSharing()
    {
        if (Segments.All(s => s.PrefixLength == 0) && Segments.Length == RewardRows.Length)
        {
            return this;
        }

        List<int> tokens = [], positions = [], rewardRows = [];
        List<uint> tokenKeys = [];
        List<Segment> segments = [];
        foreach (int reward in RewardRows)
        {
            Segment tail = Segments.Single(s => reward >= s.Start && reward < s.Start + s.Length);
            int start = tokens.Count;
            foreach (int row in Enumerable.Range(tail.PrefixStart, tail.PrefixLength).Concat(Enumerable.Range(tail.Start, tail.Length)))
            {
                tokens.Add(Tokens[row]);
                positions.Add(Positions[row]);
                tokenKeys.Add(TokenKeys[row]);
            }

            segments.Add(new Segment(start, tokens.Count - start, 0, 0));
            rewardRows.Add(tokens.Count - 1);
        }

        return new SequenceLayout([.. tokens], [.. positions], [.. tokenKeys], [.. segments], [.. rewardRows]);
    }

    /// <summary>Number of packed tokens, T.</summary>
    public int TokenCount => Tokens.Length;

    /// <summary>Token ids, <c>[T]</c>.</summary>
    public int[] Tokens { get; }

    /// <summary>Position of each token in its own sequence, <c>[T]</c>.</summary>
    public int[] Positions { get; }

    /// <summary>
    /// A number per token, <c>[T]</c>, that does not depend on what else is in the micro-batch; dropout masks are drawn from it.
    /// A shared prefix has one key per token, so all its tails see one mask.
    /// </summary>
    public uint[] TokenKeys { get; }

    /// <summary>Segments in row order; they cover all tokens.</summary>
    public Segment[] Segments { get; }

    /// <summary>Token row of each sequence's last token, where its reward is read, in the order the sequences were added.</summary>
    public int[] RewardRows { get; }
}
