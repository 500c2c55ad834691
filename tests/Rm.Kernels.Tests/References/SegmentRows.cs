using Rm.Kernels.Ops;

namespace Rm.Kernels.Tests.References;

/// <summary>The whole sequences of a layout: each segment's with its parent prefix before it.</summary>
internal static class SegmentRows
{
    /// <summary>Token rows of the sequence that ends with a segment, and where the segment begins among them.</summary>
    public static (int[] Rows, int Own) Of(Segment segment) =>
        ([.. Enumerable.Range(segment.PrefixStart, segment.PrefixLength), .. Enumerable.Range(segment.Start, segment.Length)],
            segment.PrefixLength);

    /// <summary>Rows of every sequence that is read to its end: tails and what shares nothing.</summary>
    public static IEnumerable<int[]> Sequences(SequenceLayout layout) => layout.RewardRows.Select(reward =>
        Of(layout.Segments.Single(s => reward >= s.Start && reward < s.Start + s.Length)).Rows);
}
