using Rm.Formats.Tokenization;

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

    /// <summary>True when the row says that neither side is preferred.</summary>
    public bool HasNoPreference { get; init; }

    /// <summary>Columns of text or messages that the pair was not read from.</summary>
    public IReadOnlyList<string> Unread { get; init; } = [];

    /// <summary>
    /// True when the sides part at a turn that is no answer: they reply to different prompts. Sides that part at an earlier answer do not.
    /// </summary>
    public bool PromptsDiffer
    {
        get
        {
            if (Chosen.Messages is not { } chosen || Rejected.Messages is not { } rejected)
            {
                return false;
            }

            int shared = 0;
            while (shared < chosen.Count && shared < rejected.Count && chosen[shared] == rejected[shared])
            {
                shared++;
            }

            return IsPrompt(chosen, shared) || IsPrompt(rejected, shared);

            static bool IsPrompt(IReadOnlyList<ChatMessage> turns, int index) =>
                index < turns.Count && turns[index].Role is "user" or "system";
        }
    }

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
