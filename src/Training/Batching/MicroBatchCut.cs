namespace Rm.Training.Batching;

/// <summary>
/// The one rule by which things are cut into micro-batches: in order, each as long as the token budget allows; what is larger than the
/// budget by itself gets one of its own. The memory plan, training, evaluation and scoring all cut by it.
/// </summary>
internal static class MicroBatchCut
{
    /// <summary>Position of the first item, number of items and packed tokens of each micro-batch.</summary>
    /// <param name="sizes">Packed tokens of each item.</param>
    /// <param name="tokenBudget">Most packed tokens of a micro-batch; at least 1.</param>
    public static IEnumerable<(int First, int Count, int Tokens)> Of(IEnumerable<int> sizes, int tokenBudget)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tokenBudget, 1);
        return Cut(sizes, tokenBudget);
    }

    private static IEnumerable<(int First, int Count, int Tokens)> Cut(IEnumerable<int> sizes, int tokenBudget)
    {
        int first = 0, count = 0;
        long tokens = 0;
        foreach (int size in sizes)
        {
            if (count > 0 && tokens + size > tokenBudget)
            {
                yield return (first, count, checked((int)tokens));
                (first, count, tokens) = (first + count, 0, 0);
            }

            count++;
            tokens += size;
        }

        if (count > 0)
        {
            yield return (first, count, checked((int)tokens));
        }
    }
}
