using Rm.Kernels.Ops;

namespace Rm.Kernels.Cuda;

/// <summary>
/// The blocks of work of the attention kernels, as they read them. Blocks begin at fixed distances from their segment's own start, so that
/// the order of a row's sums does not depend on its company; costly blocks come first, since the last one decides when a launch ends.
/// </summary>
internal static class AttentionWork
{
    /// <summary>Numbers of a block of queries: first slot, slots, prefix start and length, own start and visible length.</summary>
    public const int QueryFields = 6;

    /// <summary>Numbers of a block of keys: first token, tokens, and its part of the ranges, from and to.</summary>
    public const int KeyFields = 4;

    /// <summary>
    /// Numbers of a range of slots: the first, how many, and the distance from their segment's start to its prefix's end.
    /// </summary>
    public const int RangeFields = 3;

    /// <summary>Blocks of queries with the keys that some query of them sees.</summary>
    /// <param name="segments">Segments of the layout.</param>
    /// <param name="slots">Its queries.</param>
    /// <param name="rows">Slots of a full block.</param>
    /// <returns><c>[blocks, QueryFields]</c>.</returns>
    public static int[] Queries(Segment[] segments, AttentionSlots slots, int rows)
    {
        List<(long Cost, int[] Fields)> blocks = [];
        for (int s = 0; s < segments.Length; s++)
        {
            Segment segment = segments[s];
            int end = slots.First[s + 1];
            for (int slot = slots.First[s]; slot < end; slot += rows)
            {
                int count = Math.Min(rows, end - slot);
                int own = slots.Token(slot + count - 1) - segment.Start + 1;
                int prefixStart = segment.PrefixLength == 0 ? 0 : segment.PrefixStart;
                blocks.Add(((long)segment.PrefixLength + own, [slot, count, prefixStart, segment.PrefixLength, segment.Start, own]));
            }
        }

        return Flatten(blocks);
    }

    /// <summary>
    /// Blocks of keys, all of them, with the ranges of slots that see a key of the block: own segment first, then tails in row order.
    /// </summary>
    /// <param name="segments">Segments of the layout.</param>
    /// <param name="slots">Its queries.</param>
    /// <param name="keys">Keys of a full block.</param>
    /// <returns>
    /// <c>[blocks, KeyFields]</c> and <c>[ranges, RangeFields]</c>: first slot, number of slots, at least one, and for tails how far the
    /// end of their prefix lies from their start (0 or below), which a window needs.
    /// </returns>
    /// <exception cref="ArgumentException">A prefix is not a whole earlier segment.</exception>
    public static (int[] Blocks, int[] Ranges) Keys(Segment[] segments, AttentionSlots slots, int keys)
    {
        List<int>[] tails = Tails(segments);
        List<(long Cost, int[] Fields)> blocks = [];
        List<int> ranges = [];
        for (int s = 0; s < segments.Length; s++)
        {
            Segment segment = segments[s];
            int slot = slots.First[s];
            for (int own = 0; own < segment.Length; own += keys)
            {
                int begin = ranges.Count / RangeFields;
                while (slot < slots.First[s + 1] && slots.Token(slot) < segment.Start + own)
                {
                    slot++;
                }

                long cost = Add(ranges, slot, slots.First[s + 1], shift: 0);
                foreach (int tail in tails[s])
                {
                    cost += Add(ranges, slots.First[tail], slots.First[tail + 1], segment.Start + segment.Length - segments[tail].Start);
                }

                blocks.Add((cost, [segment.Start + own, Math.Min(keys, segment.Length - own), begin, ranges.Count / RangeFields]));
            }
        }

        return (Flatten(blocks), [.. ranges]);
    }

    private static List<int>[] Tails(Segment[] segments)
    {
        var tails = new List<int>[segments.Length];
        Dictionary<int, int> segmentAt = [];
        for (int s = 0; s < segments.Length; s++)
        {
            tails[s] = [];
            (int start, int length) = (segments[s].PrefixStart, segments[s].PrefixLength);
            if (length != 0)
            {
                if (!segmentAt.TryGetValue(start, out int parent) || segments[parent].Length != length
                    || segments[parent].PrefixLength != 0)
                {
                    throw new ArgumentException(
                        $"Segment {s} refers to a prefix at token {start} of length {length}, which is no earlier root segment.",
                        nameof(segments));
                }

                tails[parent].Add(s);
            }

            segmentAt[segments[s].Start] = s;
        }

        return tails;
    }

    private static int Add(List<int> ranges, int begin, int end, int shift)
    {
        if (begin < end)
        {
            ranges.Add(begin);
            ranges.Add(end - begin);
            ranges.Add(shift);
        }

        return end - begin;
    }

    // OrderByDescending keeps the order of equals.
    private static int[] Flatten(List<(long Cost, int[] Fields)> blocks) =>
        [.. blocks.OrderByDescending(static block => block.Cost).SelectMany(static block => block.Fields)];
}
