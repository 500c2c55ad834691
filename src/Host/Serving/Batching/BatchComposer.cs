using Rm.Kernels.Ops;

namespace Rm.Host.Serving.Batching;

/// <summary>
/// Chooses what is computed next out of what waits: sequences that begin alike are put together, whoever sent them, and the groups are taken in the
/// order of their oldest member until the micro-batch is full.
/// </summary>
internal static class BatchComposer
{
    /// <summary>Groups for a micro-batch of <paramref name="budget"/> packed tokens; more only when the oldest sequence alone has more.</summary>
    /// <param name="waiting">Sequences of one model, at least one.</param>
    /// <param name="budget">Packed tokens.</param>
    /// <param name="sharePrefixes">Whether what sequences begin with is computed once.</param>
    public static List<SharedGroup> Compose(IReadOnlyList<WaitingSequence> waiting, long budget, bool sharePrefixes)
    {
        var chosen = new List<SharedGroup>();
        long left = budget;
        foreach (SharedGroup group in Group(waiting, sharePrefixes).OrderBy(group => group.Oldest))
        {
            if (group.Part(left, force: chosen.Count == 0) is { } part)
            {
                chosen.Add(part);
                left -= part.PackedTokens;
            }

            if (left <= 0)
            {
                break;
            }
        }

        return chosen;
    }

    /// <summary>
    /// All of <paramref name="waiting"/> in groups. Sorted by tokens, neighbours have the longest prefixes in common; a group takes in its neighbour
    /// while that saves tokens.
    /// </summary>
    internal static List<SharedGroup> Group(IReadOnlyList<WaitingSequence> waiting, bool sharePrefixes)
    {
        if (!sharePrefixes)
        {
            return [.. waiting.Select(sequence => new SharedGroup([[sequence]], 0))];
        }

        List<List<WaitingSequence>> distinct = Distinct(waiting);
        var groups = new List<SharedGroup>();
        int begin = 0, prefix = 0;
        for (int i = 1; i <= distinct.Count; i++)
        {
            int common = i < distinct.Count ? CommonWith(distinct[i - 1], distinct[i]) : 0;
            int wider = i - begin == 1 ? common : Math.Min(prefix, common);
            if (wider > 0 && Saved(wider, i - begin + 1) >= Saved(prefix, i - begin))
            {
                prefix = wider;
                continue;
            }

            groups.Add(new SharedGroup(distinct.GetRange(begin, i - begin), prefix));
            (begin, prefix) = (i, 0);
        }

        return groups;
    }

    private static long Saved(int prefix, int members) => (long)prefix * (members - 1);

    private static int CommonWith(List<WaitingSequence> first, List<WaitingSequence> second) =>
        SequenceLayoutBuilder.ExactPrefixLength(SequenceLayoutBuilder.CommonPrefixLength(first[0].Tokens, second[0].Tokens));

    private static List<List<WaitingSequence>> Distinct(IReadOnlyList<WaitingSequence> waiting)
    {
        var sorted = waiting.ToList();
        sorted.Sort((a, b) => a.Tokens.AsSpan().SequenceCompareTo(b.Tokens) is var order && order != 0 ? order : a.Order.CompareTo(b.Order));
        var distinct = new List<List<WaitingSequence>>();
        foreach (WaitingSequence sequence in sorted)
        {
            if (distinct.Count > 0 && distinct[^1][0].Tokens.AsSpan().SequenceEqual(sequence.Tokens))
            {
                distinct[^1].Add(sequence);
            }
            else
            {
                distinct.Add([sequence]);
            }
        }

        return distinct;
    }
}
