using Rm.Kernels.Ops;

namespace Rm.Kernels.Cpu.Attention;

/// <summary>
/// How attention cuts the keys of a micro-batch into blocks. Blocks begin at fixed distances from their segment's own start, so that
/// the order of a token's sums does not depend on where the segment stands. Rows of a block are padded to whole vectors.
/// </summary>
internal sealed class KeyBlocks
{
    /// <summary>Keys of a full block.</summary>
    public const int Size = 64;

    private readonly int[] _paddedStart;

    public KeyBlocks(SequenceLayout layout)
    {
        Segments = layout.Segments;
        _paddedStart = new int[Segments.Length + 1];
        Parents = new int[Segments.Length];
        var children = new List<int>[Segments.Length];
        var startToSegment = new Dictionary<int, int>();
        for (int s = 0; s < Segments.Length; s++)
        {
            Segment segment = Segments[s];
            _paddedStart[s + 1] = _paddedStart[s] + Padded(segment.Length);
            startToSegment[segment.Start] = s;
            Parents[s] = -1;
            children[s] = [s];
            if (segment.PrefixLength > 0)
            {
                if (!startToSegment.TryGetValue(segment.PrefixStart, out int parent) || Segments[parent].Length != segment.PrefixLength
                    || Parents[parent] >= 0 || parent == s)
                {
                    throw new ArgumentException(
                        $"Segment {s} refers to a prefix at token {segment.PrefixStart} of length {segment.PrefixLength}, which is no "
                            + $"earlier root segment.",
                        nameof(layout));
                }

                Parents[s] = parent;
                children[parent].Add(s);
            }
        }

        // Long families first: the last item of a parallel loop decides when it ends.
        Families = [.. Enumerable.Range(0, Segments.Length).Where(s => Parents[s] < 0).Select(s => children[s].ToArray())
            .OrderByDescending(Cost)];
    }

    /// <summary>The layout's segments.</summary>
    public Segment[] Segments { get; }

    /// <summary>Index of each segment's parent prefix, or -1.</summary>
    public int[] Parents { get; }

    /// <summary>Segments whose keys and queries touch each other: a prefix and its tails, in row order. Costly families first.</summary>
    public int[][] Families { get; }

    /// <summary>Rows of all segments, each padded to whole vectors.</summary>
    public int PaddedRows => _paddedStart[^1];

    /// <summary>As many as other segments can have, this many with as many tokens: what a plan counts with.</summary>
    public int MostPaddedRows => Segments.Sum(segment => segment.Length) + (Segments.Length * (VectorMath.Lanes - 1));

    /// <summary>First padded row of a segment.</summary>
    public int PaddedStart(int segment) => _paddedStart[segment];

    /// <summary>Blocks of a segment.</summary>
    public int Count(int segment) => (Segments[segment].Length + Size - 1) / Size;

    /// <summary>Keys of a block.</summary>
    public int Width(int segment, int block) => Math.Min(Size, Segments[segment].Length - (block * Size));

    /// <summary>A length rounded up to whole vectors.</summary>
    public static int Padded(int length) => (length + VectorMath.Lanes - 1) / VectorMath.Lanes * VectorMath.Lanes;

    private long Cost(int[] family) =>
        family.Sum(s => (long)Segments[s].Length * (Segments[s].PrefixLength + (Segments[s].Length / 2) + 1));
}
