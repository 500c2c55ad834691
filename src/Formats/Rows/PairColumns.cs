namespace Rm.Formats.Rows;

/// <summary>The columns that a preference pair is read from, so that a column-wise file need not be read whole.</summary>
public static class PairColumns
{
    // Each kind of pair with the columns that make it one; PairRowParser tells them apart by these.
    private static readonly string[][] Kinds = [["chosen", "rejected"], ["chosen_ids", "rejected_ids"], ["human_ref_A", "human_ref_B"]];

    private static readonly HashSet<string> Known = new(StringComparer.Ordinal)
    {
        "prompt", "chosen", "rejected", "chosen_ids", "rejected_ids",
        "history", "human_ref_A", "human_ref_B", "labels", "score_ratio", "post_id",
        "margin", "weight", "domain", "subset",
    };

    /// <summary>
    /// Those of a file's columns that pairs are read from; all of them when they make no pair, so that the error about a row can name what
    /// is there.
    /// </summary>
    public static IReadOnlyCollection<string> Choose(IReadOnlyList<string> columns) =>
        Kinds.Any(kind => kind.All(column => columns.Contains(column))) ? [.. columns.Where(Known.Contains)] : columns;
}
