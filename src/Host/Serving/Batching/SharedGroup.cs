using Rm.Kernels.Ops;

namespace Rm.Host.Serving.Batching;

/// <summary>
/// Sequences that begin with the same tokens. Equal ones are computed once. Members ascend as token ids do, so that a part of them shares
/// at least what all do.
/// </summary>
internal sealed class SharedGroup(IReadOnlyList<IReadOnlyList<WaitingSequence>> members, int prefixLength)
{
    /// <summary>Distinct sequences, each with everybody who waits for it.</summary>
    public IReadOnlyList<IReadOnlyList<WaitingSequence>> Members { get; } = members;

    /// <summary>Tokens that are computed once; a multiple of <see cref="SequenceLayoutBuilder.PrefixBlock"/>.</summary>
    public int PrefixLength { get; } = prefixLength;

    /// <summary>When the oldest of them came.</summary>
    public long Oldest { get; } = members.Min(same => same.Min(waiting => waiting.Order));

    /// <summary>Tokens to compute.</summary>
    public long PackedTokens { get; } = members.Sum(same => (long)same[0].Tokens.Length - prefixLength) + prefixLength;

    /// <summary>
    /// As many members as fit into <paramref name="budget"/> tokens, the oldest first and at least one when <paramref name="force"/> is
    /// set; null for none.
    /// </summary>
    public SharedGroup? Part(long budget, bool force)
    {
        var chosen = new List<int>();
        long size = PrefixLength;
        foreach (int i in Enumerable.Range(0, Members.Count).OrderBy(i => Members[i].Min(waiting => waiting.Order)))
        {
            long tail = Members[i][0].Tokens.Length - PrefixLength;
            if (size + tail <= budget || (force && chosen.Count == 0))
            {
                chosen.Add(i);
                size += tail;
            }
        }

        return chosen.Count == 0 ? null : new SharedGroup([.. chosen.Order().Select(i => Members[i])], PrefixLength);
    }
}
