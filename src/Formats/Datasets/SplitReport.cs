using Rm.Formats.Diagnostics;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;

namespace Rm.Formats.Datasets;

/// <summary>What became of the rows of one split.</summary>
public sealed record SplitReport
{
    /// <summary>Files that the rows came from.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>Rows read.</summary>
    public required long PairsRead { get; init; }

    /// <summary>Pairs that can be used.</summary>
    public required long PairsKept { get; init; }

    /// <summary>Dropped pairs by reason; only reasons that occurred.</summary>
    public required IReadOnlyDictionary<DropReason, long> Dropped { get; init; }

    /// <summary>Rows by kind; only kinds that occurred.</summary>
    public required IReadOnlyDictionary<RowKind, long> Kinds { get; init; }

    /// <summary>Kept pairs that lost tokens on at least one side.</summary>
    public required long PairsTruncated { get; init; }

    /// <summary>Kept pairs whose chosen side lost tokens.</summary>
    public required long ChosenTruncated { get; init; }

    /// <summary>Kept pairs whose rejected side lost tokens.</summary>
    public required long RejectedTruncated { get; init; }

    /// <summary>Kept pairs whose token ids on both sides equal those of an earlier kept pair.</summary>
    public required long Duplicates { get; init; }

    /// <summary>Different prompts among kept pairs.</summary>
    public required long DistinctPrompts { get; init; }

    /// <summary>Lengths of prompts of kept pairs, before truncation.</summary>
    public required LengthQuantiles PromptLengths { get; init; }

    /// <summary>Lengths of chosen sides of kept pairs, prompt included, after truncation.</summary>
    public required LengthQuantiles ChosenLengths { get; init; }

    /// <summary>Lengths of rejected sides of kept pairs, prompt included, after truncation.</summary>
    public required LengthQuantiles RejectedLengths { get; init; }

    /// <summary>Tokens of both sides of all kept pairs.</summary>
    public required long Tokens { get; init; }

    /// <summary>How many of them prefix sharing saves.</summary>
    public required long TokensShared { get; init; }

    /// <summary>The tokens that texts end in, the most frequent first, at most five.</summary>
    public required IReadOnlyList<RewardToken> RewardTokens { get; init; }

    /// <summary>The most frequent last token of every kind of rows.</summary>
    public required IReadOnlyDictionary<RowKind, RewardToken> RewardTokensByKind { get; init; }

    /// <summary>What became of rows before they were read as pairs.</summary>
    public required SelectionReport Selection { get; init; }

    /// <summary>Kept pairs by domain, pairs without one left out.</summary>
    public required IReadOnlyDictionary<string, long> Domains { get; init; }

    /// <summary>Different posts among kept pairs; null when rows have none.</summary>
    public required long? DistinctPosts { get; init; }

    /// <summary>The token that tells best which side is chosen; null when the sides never differ.</summary>
    public required ShortcutToken? ShortcutToken { get; init; }

    /// <summary>Columns of text or messages that pairs were not read from, in order of their names.</summary>
    public required IReadOnlyList<string> UnreadColumns { get; init; }

    /// <summary>Kept pairs whose sides reply to different prompts.</summary>
    public required long PromptsDiffer { get; init; }

    /// <summary>The first kept pair as the model reads it; null when none is kept.</summary>
    public required ShownPair? FirstPair { get; init; }

    /// <summary>What a diagnostic did to the rows, or null.</summary>
    public required DiagnosticReport? Diagnostic { get; init; }

    /// <summary>Share of tokens that prefix sharing saves, 0 to 1.</summary>
    public double SharedFraction => Tokens == 0 ? 0 : (double)TokensShared / Tokens;
}
