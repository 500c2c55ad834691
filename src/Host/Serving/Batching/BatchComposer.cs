using Rm.Kernels.Ops;

namespace Rm.Host.Serving.Batching;

/// <summary>
/// Chooses what is computed next out of what waits: sequences that begin alike are put together, whoever sent them, and the groups are
/// taken in the order of their oldest member until the micro-batch is full.
/// </summary>
internal static class BatchComposer
{
    /// <summary>
    /// Groups for a micro-batch of <paramref name="budget"/> packed tokens; more only when the oldest sequence alone has more.
    /// </summary>
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
    /// All of <paramref name="waiting"/> in groups. Sorted by tokens, neighbours have the longest prefixes in common; a run of them is one
    /// group where that saves as much as the best groups on both sides of its weakest place.
    /// </summary>
    internal static List<SharedGroup> Group(IReadOnlyList<WaitingSequence> waiting, bool sharePrefixes)
    {
        if (!sharePrefixes)
        {
            return [.. waiting.Select(sequence => new SharedGroup([[sequence]], 0))];
        }

        List<List<WaitingSequence>> distinct = Distinct(waiting);
        int[] common = [.. Enumerable.Range(0, distinct.Count - 1).Select(i => CommonWith(distinct[i], distinct[i + 1]))];
        var groups = new List<SharedGroup>();
        int begin = 0;
        for (int i = 0; i < distinct.Count; i++)
        {
            if (i == common.Length || common[i] == 0)
            {
                groups.AddRange(Best(common, begin, i).Groups.Select(
                    run => new SharedGroup(distinct.GetRange(run.First, run.Last - run.First + 1), run.Prefix)));
                begin = i + 1;
            }
        }

        return groups;
    }

    // Groups of the run [first, last] and the tokens they save. common[i]: what i and i + 1 begin with.
    private static (long Saved, List<(int First, int Last, int Prefix)> Groups) Best(int[] common, int first, int last)
    {
        if (first == last)
        {
            return (0, [(first, last, 0)]);
        }

        int weakest = first;
        for (int i = first + 1; i < last; i++)
        {
            weakest = common[i] < common[weakest] ? i : weakest;
        }

        int prefix = common[weakest];
        long together = (long)prefix * (last - first);

        // The same everywhere, as for the candidates of one prompt: no part of it can do better.
        if (common.AsSpan(first, last - first).IndexOfAnyExcept(prefix) < 0)
        {
            return (together, [(first, last, prefix)]);
        }

        (long left, List<(int First, int Last, int Prefix)> groups) = Best(common, first, weakest);
        (long right, List<(int First, int Last, int Prefix)> more) = Best(common, weakest + 1, last);
        if (together >= left + right)
        {
            return (together, [(first, last, prefix)]);
        }

        groups.AddRange(more);
        return (left + right, groups);
    }

    private static int CommonWith(List<WaitingSequence> first, List<WaitingSequence> second) =>
        SequenceLayoutBuilder.ExactPrefixLength(SequenceLayoutBuilder.CommonPrefixLength(first[0].Tokens, second[0].Tokens));

    private static List<List<WaitingSequence>> Distinct(IReadOnlyList<WaitingSequence> waiting)
    {
        var sorted = waiting.ToList();
        sorted.Sort(
            (a, b) => a.Tokens.AsSpan().SequenceCompareTo(b.Tokens) is var order && order != 0 ? order : a.Order.CompareTo(b.Order));
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
