namespace Rm.Formats.Rows;

/// <summary>Tells by a row's columns what is to be scored: a pair, a conversation, a text or token ids.</summary>
public static class ScoreRowParser
{
    /// <summary>Reads a row to score. Throws <see cref="UserInputException"/> naming file, line and field on bad input.</summary>
    public static ScoreRow Parse(DataRow row) => Parse(row, RowColumns.None);

    /// <summary>The same with what the user says of columns.</summary>
    public static ScoreRow Parse(DataRow row, RowColumns columns)
    {
        if (PairRowParser.TryParse(row, columns) is { } pairs)
        {
            PairRow pair = pairs is [var only]
                ? only
                : throw row.Error("makes several pairs; score each answer as a conversation, or each pair in a row of its own.");
            return new ScoreRow { Source = row, Kind = pair.Kind, Pair = pair };
        }

        return TryParseSingle(row)
            ?? throw (PairColumns.NullSide(row) is { } empty ? row.Error(empty, "is null; a pair needs both of its sides.") : row.Error(
            $"the columns fit nothing that can be scored. The row has {Names.List(row.ColumnNames)}. Known: messages; text; input_ids; "
            + $"or a pair: {PairRowParser.KnownKinds}."));
    }

    /// <summary>Reads a single text to score, or null when the row holds none.</summary>
    internal static ScoreRow? TryParseSingle(DataRow row)
    {
        if (row.Has("messages"))
        {
            DataRow opened = MessageTexts.Open(row, RowColumns.None);
            return Single(row, RowKind.SingleMessages,
                new Conversation { Messages = opened.GetMessages("messages"), Inputs = row.GetTemplateInputs() });
        }

        if (row.Has("text"))
        {
            return Single(row, RowKind.SingleText, new Conversation { Text = row.GetText("text") });
        }

        return row.Has("input_ids")
            ? Single(row, RowKind.SingleTokenIds, new Conversation { TokenIds = row.GetTokenIds("input_ids") })
            : null;
    }

    private static ScoreRow Single(DataRow row, RowKind kind, Conversation conversation) =>
        new() { Source = row, Kind = kind, Single = conversation };
}
