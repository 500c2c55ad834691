using Rm.Formats.Tokenization;

namespace Rm.Formats.Rows;

/// <summary>
/// One side of a pair, or one text to score, before rendering. Exactly one of three: <see cref="TokenIds"/>; turns with or without
/// their own concatenation in <see cref="Text"/>; or <see cref="Text"/> alone, which no template touches.
/// </summary>
public sealed record Conversation
{
    /// <summary>The turns that a chat template renders, or null when the row holds plain text or ids.</summary>
    public IReadOnlyList<ChatMessage>? Messages { get; init; }

    /// <summary>The text as the row has it; null for message lists, which have none until their contents are joined.</summary>
    public string? Text { get; init; }

    /// <summary>Index in <see cref="Text"/> where the response begins.</summary>
    public int ResponseStart { get; init; }

    /// <summary>What a chat template sees besides the turns; null for nothing.</summary>
    public ChatTemplateInputs? Inputs { get; init; }

    /// <summary>Token ids given by the row.</summary>
    public int[]? TokenIds { get; init; }
}
