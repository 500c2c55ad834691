using Rm.Kernels.Ops;

namespace Rm.Kernels.Cuda;

/// <summary>
/// The rows of Q sorted by segment: slot s is row <see cref="Rows"/>[s] of Q and token <see cref="Tokens"/>[s]. Where Q has all tokens,
/// slots, rows and tokens are the same numbers and both arrays are null.
/// </summary>
internal sealed class AttentionSlots
{
    /// <summary>Sorts.</summary>
    /// <param name="layout">Segments.</param>
    /// <param name="queryRows">Token row of each row of Q, or null for all tokens.</param>
    /// <exception cref="ArgumentException">
    /// The segments do not cover the tokens in order, a query row is no token, or rows do not ascend.
    /// </exception>
    public AttentionSlots(SequenceLayout layout, int[]? queryRows)
    {
        Segment[] segments = layout.Segments;
        First = new int[segments.Length + 1];
        for (int s = 0; s < segments.Length; s++)
        {
            if (segments[s].Start != First[s] || segments[s].Length < 1)
            {
                throw new ArgumentException(
                    $"Segment {s} starts at token {segments[s].Start}, not where the one before ends.", nameof(layout));
            }

            First[s + 1] = checked(First[s] + segments[s].Length);
        }

        if (First[^1] != layout.TokenCount)
        {
            throw new ArgumentException($"The segments cover {First[^1]} of {layout.TokenCount} tokens.", nameof(layout));
        }

        if (queryRows is not null)
        {
            (Rows, Tokens) = Sort(segments, First, queryRows, layout.TokenCount);
        }
    }

    /// <summary>First slot of each segment, and the number of slots.</summary>
    public int[] First { get; }

    /// <summary>Row of Q of each slot, or null.</summary>
    public int[]? Rows { get; }

    /// <summary>Token of each slot, or null.</summary>
    public int[]? Tokens { get; }

    /// <summary>Token of a slot.</summary>
    public int Token(int slot) => Tokens is null ? slot : Tokens[slot];

    // Counting sort; first holds the segments' token rows, and afterwards their slots.
    private static (int[] Rows, int[] Tokens) Sort(Segment[] segments, int[] first, int[] queryRows, int tokenCount)
    {
        int[] segmentOfToken = new int[tokenCount];
        for (int s = 0; s < segments.Length; s++)
        {
            segmentOfToken.AsSpan(segments[s].Start, segments[s].Length).Fill(s);
        }

        Array.Clear(first);
        foreach (int token in queryRows)
        {
            if ((uint)token >= (uint)tokenCount)
            {
                throw new ArgumentException($"Query row {token} is outside the micro-batch of {tokenCount} tokens.", nameof(queryRows));
            }

            first[segmentOfToken[token] + 1]++;
        }

        for (int s = 0; s < segments.Length; s++)
        {
            first[s + 1] += first[s];
        }

        int[] next = first.AsSpan(0, segments.Length).ToArray();
        int[] rows = new int[queryRows.Length], tokens = new int[queryRows.Length];
        for (int row = 0; row < queryRows.Length; row++)
        {
            int segment = segmentOfToken[queryRows[row]], slot = next[segment]++;
            rows[slot] = row;
            tokens[slot] = queryRows[row];
            if (slot > first[segment] && tokens[slot] <= tokens[slot - 1])
            {
                throw new ArgumentException($"Query rows must ascend within a segment; token {tokens[slot]} does not.", nameof(queryRows));
            }
        }

        return (rows, tokens);
    }
}
