namespace Rm.Formats.Rows;

/// <summary>A row understood as a preference: its two sides and what else the row says about the pair.</summary>
public sealed record PairRow
{
    /// <summary>Where the row came from, with all its columns.</summary>
    public required DataRow Source { get; init; }

    /// <summary>How the row was understood.</summary>
    public required RowKind Kind { get; init; }

    /// <summary>The preferred side.</summary>
    public required Conversation Chosen { get; init; }

    /// <summary>The other side.</summary>
    public required Conversation Rejected { get; init; }

    /// <summary>Column <c>margin</c>; 0 without one. Subtracted from the scaled reward difference in the loss.</summary>
    public float Margin { get; init; }

    /// <summary>Column <c>weight</c>, at least 0; 1 without one.</summary>
    public float Weight { get; init; } = 1;

    /// <summary>Column <c>domain</c>, or <c>subset</c> where there is none.</summary>
    public string? Domain { get; init; }

    /// <summary>Column <c>subset</c>.</summary>
    public string? Subset { get; init; }

    /// <summary>Column <c>post_id</c>: rows of one post answer the same question.</summary>
    public string? PostId { get; init; }

    /// <summary>Column <c>score_ratio</c>.</summary>
    public double? ScoreRatio { get; init; }
}
