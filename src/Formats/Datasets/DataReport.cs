namespace Rm.Formats.Datasets;

/// <summary>The report before training: what became of the rows of both splits, and what they share.</summary>
/// <param name="Train">The training split.</param>
/// <param name="Eval">The evaluation split, or null without one.</param>
/// <param name="SharedPrompts">Different prompts that occur in both.</param>
/// <param name="EvalPairsWithSharedPrompt">Evaluation pairs whose prompt is also trained on.</param>
/// <param name="SharedPosts">Different posts (<c>post_id</c>) that occur in both.</param>
/// <param name="EvalPairsWithSharedPost">Evaluation pairs whose post is also trained on.</param>
public sealed record DataReport(
    SplitReport Train, SplitReport? Eval, long SharedPrompts, long EvalPairsWithSharedPrompt, long SharedPosts = 0,
    long EvalPairsWithSharedPost = 0)
{
    /// <summary>The report on a training split and, if there is one, its evaluation split.</summary>
    public static DataReport Of(PairDataset train, PairDataset? eval = null)
    {
        if (eval is null)
        {
            return new DataReport(train.Report, null, 0, 0);
        }

        HashSet<UInt128> trained = [.. train.Pairs.Select(pair => pair.PromptHash)];
        List<UInt128> shared = [.. eval.Pairs.Select(pair => pair.PromptHash).Where(trained.Contains)];
        HashSet<string> trainedPosts = [.. train.Pairs.Select(pair => pair.PostId).OfType<string>()];
        List<string> posts = [.. eval.Pairs.Select(pair => pair.PostId).OfType<string>().Where(trainedPosts.Contains)];
        return new DataReport(
            train.Report, eval.Report, shared.Distinct().LongCount(), shared.Count, posts.Distinct(StringComparer.Ordinal).LongCount(),
            posts.Count);
    }
}
