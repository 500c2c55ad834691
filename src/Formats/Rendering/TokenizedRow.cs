using Rm.Formats.Rows;

namespace Rm.Formats.Rendering;

/// <summary>A row after tokenising: a pair, or why it is dropped.</summary>
/// <param name="Pair">The pair, or null when it is dropped.</param>
/// <param name="Dropped">Why; <see cref="DropReason.None"/> when it is kept.</param>
/// <param name="Kind">How the row was understood.</param>
/// <param name="PromptTokens">Tokens of the chosen side's prompt, before truncation.</param>
/// <param name="ChosenTruncated">True when tokens left the chosen side.</param>
/// <param name="RejectedTruncated">True when tokens left the rejected side.</param>
public sealed record TokenizedRow(
    PreferencePair? Pair, DropReason Dropped, RowKind Kind, int PromptTokens, bool ChosenTruncated, bool RejectedTruncated)
{
    /// <summary>True when the sides reply to different prompts.</summary>
    public bool PromptsDiffer { get; init; }

    /// <summary>Columns of text or messages that the pair was not read from.</summary>
    public IReadOnlyList<string> Unread { get; init; } = [];
}

/// <summary>A single text after tokenising: token ids, or why there are none.</summary>
/// <param name="Ids">The token ids, or null when the text cannot be used.</param>
/// <param name="Dropped">Why; <see cref="DropReason.None"/> when it can.</param>
/// <param name="Truncated">True when tokens were taken away.</param>
public sealed record TokenizedText(int[]? Ids, DropReason Dropped, bool Truncated);
