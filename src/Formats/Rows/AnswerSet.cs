namespace Rm.Formats.Rows;

/// <summary>A benchmark's prompt with its answers, of which the first are right.</summary>
public sealed record AnswerSet
{
    /// <summary>Where the row came from.</summary>
    public required DataRow Source { get; init; }

    /// <summary>The benchmark's name for the row; its line where it has none.</summary>
    public required string Id { get; init; }

    /// <summary>What the row is scored with: its subset, domain or source.</summary>
    public required string Subset { get; init; }

    /// <summary>The prompt with each answer, right ones first; at least two.</summary>
    public required IReadOnlyList<Conversation> Answers { get; init; }

    /// <summary>How many of the answers are right.</summary>
    public required int Correct { get; init; }
}
