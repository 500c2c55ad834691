using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// The segments of a micro-batch as the kernels of gated delta nets walk them, on the device: items (DeltaRuleItem of
/// native/cuda/common/delta_rule.cuh), segments without a prefix first, then tails by prefix; tiles of tokens (CausalConvTile of
/// native/cuda/causal_conv.cu); and the tails by prefix.
/// </summary>
internal sealed class CudaSegmentLists
{
    private const int TileTokens = 64;

    /// <summary>Sorts and uploads the segments of <paramref name="layout"/>.</summary>
    /// <param name="layout">The micro-batch.</param>
    /// <param name="chunk">Tokens from one kept state to the next.</param>
    /// <exception cref="ArgumentException">A prefix is no segment of its own, or has a prefix.</exception>
    public CudaSegmentLists(CudaPreparedLayout layout, int chunk)
    {
        Chunk = chunk;
        Segment[] segments = layout.Layout.Segments;
        int[] firstChunks = new int[segments.Length];
        for (int s = 1; s < segments.Length; s++)
        {
            firstChunks[s] = firstChunks[s - 1] + LaunchChecks.Blocks(segments[s - 1].Length, chunk);
        }

        ILookup<int, int> tailsOf = Enumerable.Range(0, segments.Length).Where(s => segments[s].PrefixLength > 0)
            .ToLookup(s => segments[s].PrefixStart);
        List<int> roots = [], tails = [], rows = [], tiles = [];
        for (int s = 0; s < segments.Length; s++)
        {
            Segment segment = segments[s];
            if (segment.PrefixLength > 0)
            {
                continue;
            }

            int[] own = [.. tailsOf[segment.Start]];
            roots.AddRange([segment.Start, segment.Length, firstChunks[s], own.Length > 0 ? Prefixes : -1, TailCount, own.Length]);
            AddTiles(tiles, segment, TailCount, own.Length);
            foreach (int tail in own)
            {
                if (segments[tail].PrefixLength != segment.Length)
                {
                    break;
                }

                tails.AddRange([segments[tail].Start, segments[tail].Length, firstChunks[tail], Prefixes, TailCount, 0]);
                rows.AddRange([segments[tail].Start, segments[tail].Length]);
                AddTiles(tiles, segments[tail], 0, 0);
                TailCount++;
            }

            RootCount++;
            Prefixes += own.Length > 0 ? 1 : 0;
        }

        if (RootCount + TailCount != segments.Length)
        {
            throw new ArgumentException("A segment's prefix is no segment that has none itself.", nameof(layout));
        }

        Roots = layout.Upload([.. roots]);
        Tails = TailCount > 0 ? layout.Upload([.. tails]) : Roots;
        TailRows = TailCount > 0 ? layout.Upload([.. rows]) : Roots;
        Tiles = layout.Upload([.. tiles]);
        TileCount = tiles.Count / 8;
    }

    /// <summary>Tokens from one kept state to the next.</summary>
    public int Chunk { get; }

    /// <summary>Segments without a prefix, [RootCount, 6], int32.</summary>
    public Tensor Roots { get; }

    /// <summary>Number of <see cref="Roots"/>.</summary>
    public int RootCount { get; }

    /// <summary>Tails, [TailCount, 6], int32.</summary>
    public Tensor Tails { get; }

    /// <summary>Number of <see cref="Tails"/>.</summary>
    public int TailCount { get; }

    /// <summary>Segments that have tails.</summary>
    public int Prefixes { get; }

    /// <summary>First row and length of each tail, [TailCount, 2], int32.</summary>
    public Tensor TailRows { get; }

    /// <summary>Pieces of all segments, [TileCount, 8], int32.</summary>
    public Tensor Tiles { get; }

    /// <summary>Number of <see cref="Tiles"/>.</summary>
    public int TileCount { get; }

    private static void AddTiles(List<int> tiles, Segment segment, int firstTail, int tails)
    {
        for (int first = 0; first < segment.Length; first += TileTokens)
        {
            tiles.AddRange(
            [
                segment.Start, segment.Length, segment.PrefixStart, segment.PrefixLength, first,
                Math.Min(TileTokens, segment.Length - first), firstTail, tails,
            ]);
        }
    }
}
