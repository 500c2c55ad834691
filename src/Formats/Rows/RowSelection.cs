namespace Rm.Formats.Rows;

/// <summary>Which rows of a source are used. Filters come first: <paramref name="Limit"/> counts rows that pass them.</summary>
/// <param name="Limit">At most this many rows; null for all.</param>
/// <param name="MinScoreRatio">Rows need a <c>score_ratio</c> of at least this; null for any.</param>
/// <param name="MaxPairsPerPost">Rows of one <c>post_id</c>, the first in file order; null for any number.</param>
/// <param name="Sample">Which rows a limit takes.</param>
/// <param name="Seed">Decides a random sample, together with the rows' positions and nothing else.</param>
public sealed record RowSelection(
    long? Limit = null, double? MinScoreRatio = null, long? MaxPairsPerPost = null, SampleMode Sample = SampleMode.First, ulong Seed = 0)
{
    /// <summary>The columns that the filters read.</summary>
    internal IReadOnlyList<string> FilterColumns =>
        [.. MinScoreRatio is null ? [] : new[] { "score_ratio" }, .. MaxPairsPerPost is null ? [] : new[] { "post_id" }];
}
