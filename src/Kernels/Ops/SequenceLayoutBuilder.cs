namespace Rm.Kernels.Ops;

/// <summary>Builds a <see cref="SequenceLayout"/> from groups of sequences that share a prefix.</summary>
public sealed class SequenceLayoutBuilder
{
    /// <summary>A multiple of every backend's block of keys.</summary>
    public const int PrefixBlock = 64;

    private readonly List<int> _tokens = [];
    private readonly List<int> _positions = [];
    private readonly List<uint> _tokenKeys = [];
    private readonly List<Segment> _segments = [];
    private readonly List<int> _rewardRows = [];

    /// <summary>Tokens added so far.</summary>
    public int TokenCount => _tokens.Count;

    /// <summary>Adds one sequence that shares nothing.</summary>
    /// <param name="tokens">Token ids, at least one.</param>
    /// <param name="key">A number that identifies the sequence in the data set; see <see cref="SequenceLayout.TokenKeys"/>.</param>
    public void AddSequence(ReadOnlySpan<int> tokens, ulong key) => AddTail(tokens, 0, 0, key, branch: 0);

    /// <summary>
    /// Adds sequences that begin with the same <paramref name="prefixLength"/> tokens: the prefix once, then each tail.
    /// </summary>
    /// <param name="sequences">Whole sequences, each longer than the prefix.</param>
    /// <param name="prefixLength">Shared tokens; 0 stores the sequences separately.</param>
    /// <param name="key">A number that identifies the group in the data set; see <see cref="SequenceLayout.TokenKeys"/>.</param>
    /// <exception cref="ArgumentException">A sequence is not longer than the prefix, or does not begin with it.</exception>
    public void AddGroup(IReadOnlyList<int[]> sequences, int prefixLength, ulong key)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(prefixLength);
        ArgumentOutOfRangeException.ThrowIfZero(sequences.Count);
        int prefixStart = _tokens.Count;
        foreach (int[] sequence in sequences)
        {
            if (sequence.Length <= prefixLength || !sequence.AsSpan(0, prefixLength).SequenceEqual(sequences[0].AsSpan(0, prefixLength)))
            {
                throw new ArgumentException(
                    $"Every sequence must begin with the same {prefixLength} tokens and be longer.", nameof(sequences));
            }
        }

        if (prefixLength > 0)
        {
            Append(sequences[0].AsSpan(0, prefixLength), 0, key, branch: 0);
            _segments.Add(new Segment(prefixStart, prefixLength, 0, 0));
        }

        for (int i = 0; i < sequences.Count; i++)
        {
            AddTail(sequences[i].AsSpan(prefixLength), prefixStart, prefixLength, key, (uint)i);
        }
    }

    /// <summary>The layout of everything added.</summary>
    public SequenceLayout Build() => new([.. _tokens], [.. _positions], [.. _tokenKeys], [.. _segments], [.. _rewardRows]);

    /// <summary>Length of the longest common prefix of two sequences that leaves each at least one token of its own.</summary>
    public static int CommonPrefixLength(ReadOnlySpan<int> first, ReadOnlySpan<int> second) =>
        Math.Min(first.CommonPrefixLength(second), Math.Max(0, Math.Min(first.Length, second.Length) - 1));

    /// <summary>
    /// The longest part of a shared prefix that leaves the bits of a sequence's reward as they are when it is computed alone: backends sum
    /// over keys in blocks that begin at multiples of at most <see cref="PrefixBlock"/> tokens from a segment's start, so a tail's blocks
    /// must begin at one too.
    /// </summary>
    public static int ExactPrefixLength(int prefixLength) => prefixLength / PrefixBlock * PrefixBlock;

    private void AddTail(ReadOnlySpan<int> tail, int prefixStart, int prefixLength, ulong key, uint branch)
    {
        ArgumentOutOfRangeException.ThrowIfZero(tail.Length);
        _segments.Add(new Segment(_tokens.Count, tail.Length, prefixStart, prefixLength));
        Append(tail, prefixLength, key, branch);
        _rewardRows.Add(_tokens.Count - 1);
    }

    private void Append(ReadOnlySpan<int> tokens, int position, ulong key, uint branch)
    {
        for (int i = 0; i < tokens.Length; i++)
        {
            _tokens.Add(tokens[i]);
            _positions.Add(position + i);

            // A prefix token has the key of branch 0 at its position, tails at their own position and branch: no two collide by design.
            ulong mixed = SplitMix64(SplitMix64(key) ^ ((ulong)branch << 32 | (uint)(position + i)));
            _tokenKeys.Add((uint)(mixed >> 32));
        }
    }

    /// <summary>Finaliser of SplitMix64 (Steele, Lea and Flood 2014): a bijection with good avalanche.</summary>
    private static ulong SplitMix64(ulong x)
    {
        x += 0x9E3779B97F4A7C15UL;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9UL;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBUL;
        return x ^ (x >> 31);
    }
}
