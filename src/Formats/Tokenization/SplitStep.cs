namespace Rm.Formats.Tokenization;

/// <summary>What becomes of the matches of a <c>Split</c> (Hugging Face's SplitDelimiterBehavior).</summary>
internal enum SplitBehavior
{
    /// <summary>A match is a piece, and so is the text between two.</summary>
    Isolated,

    /// <summary>Matches are dropped.</summary>
    Removed,

    /// <summary>A match ends the piece before it.</summary>
    MergedWithPrevious,

    /// <summary>A match begins the piece after it.</summary>
    MergedWithNext,

    /// <summary>Neighbouring matches are one piece.</summary>
    Contiguous,
}

/// <summary><c>Split</c>: cuts a piece at the matches of a pattern, or with <c>invert</c> at what lies between them.</summary>
internal sealed class SplitStep(WordScanner scanner, SplitBehavior behavior, bool invert) : PreTokenizerStep
{
    /// <inheritdoc/>
    public override void Apply(ReadOnlySpan<char> piece, bool atStart, PreTokenizer owner, int next, IWordSink sink)
    {
        long budget = WordScanner.BudgetFor(piece.Length);
        int done = 0;
        if (behavior == SplitBehavior.Isolated)
        {
            for (; scanner.TryNext(piece, done, ref budget, out int start, out int end); done = end)
            {
                owner.Run(next, piece[done..start], atStart && done == 0, sink);
                owner.Run(next, piece[start..end], atStart && start == 0, sink);
            }

            owner.Run(next, piece[done..], atStart && done == 0, sink);
            return;
        }

        var parts = new List<Part>();
        for (; scanner.TryNext(piece, done, ref budget, out int start, out int end); done = end)
        {
            if (start > done)
            {
                parts.Add(new Part(done, start, invert));
            }

            parts.Add(new Part(start, end, !invert));
        }

        if (done < piece.Length)
        {
            parts.Add(new Part(done, piece.Length, invert));
        }

        foreach (Part part in Join(parts))
        {
            owner.Run(next, piece[part.Start..part.End], atStart && part.Start == 0, sink);
        }
    }

    private List<Part> Join(List<Part> parts)
    {
        if (behavior == SplitBehavior.Removed)
        {
            parts.RemoveAll(part => part.IsMatch);
            return parts;
        }

        bool backwards = behavior == SplitBehavior.MergedWithNext;
        if (backwards)
        {
            parts.Reverse();
        }

        var joined = new List<Part>();
        bool? last = null;
        foreach (Part part in parts)
        {
            // Two matches in a row stay apart when merging with a neighbour: only the first touches other text.
            bool join = behavior == SplitBehavior.Contiguous ? part.IsMatch == last : part.IsMatch && last == false;
            last = part.IsMatch;
            if (join)
            {
                Part old = joined[^1];
                joined[^1] = new Part(Math.Min(old.Start, part.Start), Math.Max(old.End, part.End), part.IsMatch);
            }
            else
            {
                joined.Add(part);
            }
        }

        if (backwards)
        {
            joined.Reverse();
        }

        return joined;
    }

    private readonly record struct Part(int Start, int End, bool IsMatch);
}
