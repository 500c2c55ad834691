namespace Rm.Formats.Rows;

/// <summary>A row to score: a pair or a single text. The source's other columns pass through to the output.</summary>
public sealed record ScoreRow
{
    /// <summary>Where the row came from, with all its columns as raw JSON.</summary>
    public required DataRow Source { get; init; }

    /// <summary>How the row was understood.</summary>
    public required RowKind Kind { get; init; }

    /// <summary>The pair, or null for a single text.</summary>
    public PairRow? Pair { get; init; }

    /// <summary>The single text, or null for a pair.</summary>
    public Conversation? Single { get; init; }
}
