namespace Rm.Formats.Rows;

/// <summary>Tells by a row's columns what kind of preference it is, and reads it.</summary>
public static class PairRowParser
{
    /// <summary>The kinds of pair rows, for messages.</summary>
    public const string KnownKinds =
        "prompt (or question, instruction, ...) + chosen + rejected (strings or message lists); chosen + rejected (whole texts, "
        + "transcripts or message lists); history + human_ref_A + human_ref_B + labels; chosen_ids + rejected_ids (token ids); two "
        + "responses with a preference; ranked answers; messages + rejected_response";

    /// <summary>What joins a history and an answer that come without a separator of their own.</summary>
    internal const string BlankLine = "\n\n";

    /// <summary>
    /// Reads a row that is one pair; a ranking of more than two answers, or several rejected ones, are an error. Throws like <see
    /// cref="ParseAll"/>.
    /// </summary>
    public static PairRow Parse(DataRow row) => ParseAll(row, RowColumns.None) is [var pair]
        ? pair
        : throw row.Error("makes several pairs; it cannot be read as one.");

    /// <summary>
    /// Reads a row's pair, or the pairs of a ranking. Throws <see cref="UserInputException"/> naming file, line and field when the columns
    /// fit no kind, a field does not hold what its kind needs, or a column that looks like a prompt would be left out.
    /// </summary>
    public static IReadOnlyList<PairRow> ParseAll(DataRow row, RowColumns columns) =>
        TryParse(row, columns) ?? throw (PairColumns.NullSide(row) is { } empty
            ? row.Error(empty, "is null; a pair needs both of its sides.")
            : row.Error($"the columns fit no kind of pair. The row has {Names.List(row.ColumnNames)}.{ColumnHints.Of(row)} "
                + $"Known kinds: {KnownKinds}."));

    /// <summary>Reads a row's pairs, or null when the row's columns are not those of a pair.</summary>
    internal static IReadOnlyList<PairRow>? TryParse(DataRow row, RowColumns columns) => new PairRowReader(row, columns).TryRead();
}
