namespace Rm.Formats.Rows;

/// <summary>Says of a row whose columns fit no kind of pair what is probably the matter.</summary>
internal static class ColumnHints
{
    private static readonly string[] OneAnswer = ["text", "response", "completion", "output", "answer", "messages"];
    private static readonly char[] Separators = [';', '\t', '|'];
    private static readonly string[] Marks = ["label", "labels", "score", "rating", "reward", "is_chosen"];

    /// <summary>A sentence with a space in front, or nothing.</summary>
    public static string Of(DataRow row)
    {
        char separator = row is { IsText: true, ColumnNames.Count: 1 } ? Array.Find(Separators, row.ColumnNames.First().Contains) : default;
        if (separator != default)
        {
            return $" The columns seem to be separated by {(separator == '\t' ? "tabs" : $"'{separator}'")}; CSV is read with commas.";
        }

        foreach (string name in row.ColumnNames)
        {
            string plain = name.Trim().ToLowerInvariant();
            if (plain != name && PairColumns.IsKnown(plain))
            {
                return $" '{name}' must be written '{plain}'.";
            }
        }

        string[] answers = [.. OneAnswer.Where(row.Has)];
        if (answers is [])
        {
            return "";
        }

        return Array.Find(Marks, row.Has) is { } mark
            ? $" '{answers[0]}' with a '{mark}' is one answer and its mark: a pair needs two answers to one prompt, of which one is "
                + "preferred."
            : $" '{answers[0]}' is one answer: a pair needs a second one that is worse.";
    }
}
