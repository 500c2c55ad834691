namespace Rm.Formats.Rendering;

/// <summary>Why a pair (or a single text) cannot be used.</summary>
public enum DropReason
{
    /// <summary>It is kept.</summary>
    None,

    /// <summary>Longer than the maximum under <see cref="TruncationMode.Drop"/>.</summary>
    TooLong,

    /// <summary>The prompt, the closing tokens and one token of the response do not fit.</summary>
    PromptTooLong,

    /// <summary>Under <see cref="TruncationMode.PromptLeft"/>: without its whole prompt the text is still too long.</summary>
    ResponseTooLong,

    /// <summary>Truncation made the two sides equal.</summary>
    EqualAfterTruncation,

    /// <summary>The row gives the same text on both sides.</summary>
    IdenticalSides,

    /// <summary>The row says that neither side is better: a tie.</summary>
    NoPreference,

    /// <summary>A text without a single token has no last token to read a reward at.</summary>
    NoTokens,

    /// <summary>The lengths of the two sides differ by too much for a diagnostic (length_matched).</summary>
    LengthsDiffer,
}
