namespace Rm.Kernels.Ops;

/// <summary>
/// Which rewards of a micro-batch belong to which ranking, and which of its answers are compared. Ties are pairs that are not there.
/// </summary>
/// <param name="AnswerStarts"><c>[g + 1]</c>: first reward row of each ranking, and their number.</param>
/// <param name="PairStarts"><c>[g + 1]</c>: first pair of each ranking, and their number; every ranking has one.</param>
/// <param name="Pairs"><c>[2n]</c>: reward rows of the better and the worse answer of each pair in turn; pairs of one better answer follow
/// each other.</param>
public sealed record RankingLayout(int[] AnswerStarts, int[] PairStarts, int[] Pairs)
{
    /// <summary>Number of rankings, g.</summary>
    public int Count => AnswerStarts.Length - 1;

    /// <summary>Number of answers, S.</summary>
    public int Answers => AnswerStarts[^1];

    /// <summary>The pair after the stage that begins at <paramref name="first"/>: a stage is one pair, or all of a better answer.</summary>
    internal int StageEnd(int first, int end, RankingLossKind kind)
    {
        int next = first + 1;
        while (kind == RankingLossKind.PlackettLuce && next < end && Pairs[2 * next] == Pairs[2 * first])
        {
            next++;
        }

        return next;
    }

    /// <summary>Throws <see cref="ArgumentException"/> unless every ranking has a pair and every pair's answers are its own.</summary>
    internal void Check()
    {
        bool fits = AnswerStarts.Length > 0 && PairStarts.Length == AnswerStarts.Length && AnswerStarts[0] == 0 && PairStarts[0] == 0
            && Pairs.Length == 2 * PairStarts[^1];
        for (int ranking = 0; fits && ranking < Count; ranking++)
        {
            (int first, int end) = (PairStarts[ranking], PairStarts[ranking + 1]);
            (int low, int high) = (AnswerStarts[ranking], AnswerStarts[ranking + 1]);
            fits = first < end && low < high && 2 * (long)end <= Pairs.Length
                && Pairs.AsSpan((2 * first)..(2 * end)).IndexOfAnyExceptInRange(low, high - 1) < 0;
        }

        if (!fits)
        {
            throw new ArgumentException("The pairs of a ranking must name answers of that ranking, and there must be one.", nameof(Pairs));
        }
    }
}
