using Rm.Kernels.Ops;

namespace Rm.Kernels.Cpu.Attention;

/// <summary>The rows of Q, sorted by segment and cut into blocks that are computed together.</summary>
internal sealed class QueryBlocks
{
    // Rows of a tile: all heads that share keys, for a few queries. About this many keep the tile in L1 and L2 and the keys' loads
    // amortised.
    private const int TargetRows = 96;

    /// <summary>Sorts and cuts.</summary>
    /// <param name="segments">Segments of the layout.</param>
    /// <param name="queryRows">Token row of each row of Q, or null for all tokens.</param>
    /// <param name="tokenCount">Tokens of the layout.</param>
    /// <param name="headsPerGroup">Query heads that share a key head.</param>
    /// <exception cref="ArgumentException">A query row is no token, or occurs out of order in its segment.</exception>
    public QueryBlocks(Segment[] segments, int[]? queryRows, int tokenCount, int headsPerGroup)
    {
        int rows = queryRows?.Length ?? tokenCount;
        Rows = new int[rows];
        Own = new int[rows];
        FirstBlock = new int[segments.Length + 1];
        QueriesPerBlock = Math.Max(1, TargetRows / headsPerGroup);
        var blocks = new List<Block>();
        int[] starts = SortBySegment(segments, queryRows, tokenCount);
        for (int s = 0; s < segments.Length; s++)
        {
            FirstBlock[s] = blocks.Count;
            for (int begin = starts[s]; begin < starts[s + 1]; begin += QueriesPerBlock)
            {
                blocks.Add(new Block(s, begin, Math.Min(QueriesPerBlock, starts[s + 1] - begin)));
            }
        }

        FirstBlock[segments.Length] = blocks.Count;
        Blocks = [.. blocks];
    }

    /// <summary>Queries of one segment that are computed together.</summary>
    /// <param name="Segment">Index of the segment.</param>
    /// <param name="Begin">First of them in <see cref="Rows"/> and <see cref="Own"/>.</param>
    /// <param name="Count">How many.</param>
    public readonly record struct Block(int Segment, int Begin, int Count);

    /// <summary>Row of Q of each query.</summary>
    public int[] Rows { get; }

    /// <summary>Each query's index in its own segment.</summary>
    public int[] Own { get; }

    /// <summary>Blocks by segment.</summary>
    public Block[] Blocks { get; }

    /// <summary>First block of each segment, and the number of blocks.</summary>
    public int[] FirstBlock { get; }

    /// <summary>Queries of a full block.</summary>
    public int QueriesPerBlock { get; }

    private int[] SortBySegment(Segment[] segments, int[]? queryRows, int tokenCount)
    {
        int[] segmentOfToken = new int[tokenCount];
        for (int s = 0; s < segments.Length; s++)
        {
            segmentOfToken.AsSpan(segments[s].Start, segments[s].Length).Fill(s);
        }

        int[] starts = new int[segments.Length + 1];
        for (int i = 0; i < Rows.Length; i++)
        {
            int token = queryRows is null ? i : queryRows[i];
            if ((uint)token >= (uint)tokenCount)
            {
                throw new ArgumentException($"Query row {token} is outside the micro-batch of {tokenCount} tokens.", nameof(queryRows));
            }

            starts[segmentOfToken[token] + 1]++;
        }

        for (int s = 0; s < segments.Length; s++)
        {
            starts[s + 1] += starts[s];
        }

        int[] next = starts.AsSpan(0, segments.Length).ToArray();
        for (int i = 0; i < Rows.Length; i++)
        {
            int token = queryRows is null ? i : queryRows[i];
            int segment = segmentOfToken[token];
            int slot = next[segment]++;
            Rows[slot] = i;
            Own[slot] = token - segments[segment].Start;
            if (slot > starts[segment] && Own[slot] <= Own[slot - 1])
            {
                throw new ArgumentException($"Query rows must ascend within a segment; token {token} does not.", nameof(queryRows));
            }
        }

        return starts;
    }
}
