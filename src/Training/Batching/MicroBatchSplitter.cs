using Rm.Training.Model;

namespace Rm.Training.Batching;

/// <summary>
/// How the pairs of a step are cut into micro-batches, and what happens to one that the device has no memory for: it is split in two by
/// pairs or rankings, once. What did not fit is split beforehand in later steps.
/// </summary>
/// <param name="tokenBudget">Most packed tokens of a micro-batch.</param>
/// <param name="sharePrefix">Whether what both sides of a pair begin with is stored once.</param>
/// <param name="recompute">What backward computes again, for advice.</param>
/// <param name="log">Takes a line a user wants to read, or null.</param>
internal sealed class MicroBatchSplitter(int tokenBudget, bool sharePrefix, Recompute recompute, Action<string>? log)
{
    // Packed tokens of the smallest micro-batch that did not fit.
    private int _tooMany = int.MaxValue;

    /// <summary>The micro-batches of <paramref name="batch"/>, in its order.</summary>
    public List<Piece> Cut(IReadOnlyList<PairGroup> batch)
    {
        var pieces = new List<Piece>();
        foreach (MicroBatch micro in MicroBatch.Cut(batch, tokenBudget, sharePrefix))
        {
            pieces.Add(new Piece(micro, IsHalf: false));
            if (micro.PackedTokens >= _tooMany && micro.Groups.Count > 1)
            {
                Halve(pieces, pieces.Count - 1);
            }
        }

        return pieces;
    }

    /// <summary>Replaces a piece that did not fit by its two halves.</summary>
    /// <exception cref="MemoryExhaustedException">It is a single pair or ranking, or a half already.</exception>
    public void Split(List<Piece> pieces, int index, int step, Exception cause)
    {
        MicroBatch micro = pieces[index].Micro;
        if (micro.Groups.Count == 1 || pieces[index].IsHalf)
        {
            throw new MemoryExhaustedException(Describe(micro, step), cause);
        }

        _tooMany = Math.Min(_tooMany, micro.PackedTokens);
        Halve(pieces, index);
        log?.Invoke(
            $"step {step}: a micro-batch of {micro.PackedTokens} packed tokens in {Count(micro)} did not fit ({cause.Message}) "
                + $"It was split "
            + $"into {pieces[index].Micro.PackedTokens} and {pieces[index + 1].Micro.PackedTokens} tokens and the step begun again; so "
            + $"will be others "
            + $"of {_tooMany} tokens and more. A smaller --micro-token-budget avoids this.");
    }

    // Cut where the first part's tokens are nearest to a half.
    private void Halve(List<Piece> pieces, int index)
    {
        MicroBatch whole = pieces[index].Micro;
        int groups = 0, tokens = 0;
        while (groups < whole.Groups.Count - 1)
        {
            int next = tokens + whole.Groups[groups].PackedTokens(sharePrefix);
            if (groups > 0 && Math.Abs((2 * (long)next) - whole.PackedTokens) > Math.Abs((2 * (long)tokens) - whole.PackedTokens))
            {
                break;
            }

            (groups, tokens) = (groups + 1, next);
        }

        pieces[index] = new Piece(new MicroBatch([.. whole.Groups.Take(groups)], tokens), IsHalf: true);
        pieces.Insert(index + 1, new Piece(new MicroBatch([.. whole.Groups.Skip(groups)], whole.PackedTokens - tokens), IsHalf: true));
    }

    private string Describe(MicroBatch micro, int step)
    {
        bool single = micro.Groups.Count == 1;
        string what = single
            ? $"the {(micro.Pairs.Count == 1 ? "pair" : "ranking")} of row {NonFiniteException.Name(micro.Pairs[0])}"
            : $"half of a micro-batch, {Count(micro)}";
        List<string> advice = recompute == Recompute.Full ? [] : [$"--recompute {Recompute.Full.Name()}"];
        advice.Add(single ? "a smaller --max-seq-len" : $"a --micro-token-budget below {micro.PackedTokens}");
        return $"Step {step}: {what} with {micro.PackedTokens} packed tokens does not fit into the device's memory. "
            + $"{string.Join(" or ", advice)} needs less; so does a device that no other program uses.";
    }

    private static string Count(MicroBatch micro) =>
        $"{micro.Groups.Count} {(micro.Pairs.Count == micro.Groups.Count ? "pairs" : "rankings")}";

    /// <summary>A micro-batch, and whether it is half of one that did not fit.</summary>
    public readonly record struct Piece(MicroBatch Micro, bool IsHalf);
}
