namespace Rm.Formats.Rendering;

/// <summary>One training example: two token sequences of which the first is preferred.</summary>
public sealed record PreferencePair
{
    /// <summary>Token ids of the preferred side; at least one.</summary>
    public required int[] Chosen { get; init; }

    /// <summary>Token ids of the other side; at least one.</summary>
    public required int[] Rejected { get; init; }

    /// <summary>Tokens that both sides begin with, at most the shorter side's length less one, so that each has a tail.</summary>
    public required int PrefixLength { get; init; }

    /// <summary>0-based position of the row among all rows read, dropped ones included: a stable id for seeds and reports.</summary>
    public required long RowIndex { get; init; }

    /// <summary>Margin of the loss; 0 without one.</summary>
    public float Margin { get; init; }

    /// <summary>Weight of the loss; 1 without one.</summary>
    public float Weight { get; init; } = 1;

    /// <summary>The row's domain, or null.</summary>
    public string? Domain { get; init; }

    /// <summary>The row's score ratio (SHP), or null.</summary>
    public double? ScoreRatio { get; init; }

    /// <summary>Identifies the prompt by its turns, whatever the tokenizer: for leakage between splits and for clustering.</summary>
    public UInt128 PromptHash { get; init; }

    /// <summary>
    /// Identifies the pair by its prompt and its two responses, whatever tokenizer and truncation: the same row in two evaluations has the
    /// same value.
    /// </summary>
    public UInt128 ContentHash { get; init; }

    /// <summary>Column <c>post_id</c> (SHP), or null.</summary>
    public string? PostId { get; init; }

    /// <summary>Column <c>subset</c>, or null.</summary>
    public string? Subset { get; init; }

    /// <summary>File of the row; empty for pairs made in memory.</summary>
    public string SourceFile { get; init; } = "";

    /// <summary>1-based line of the row; 0 for pairs made in memory.</summary>
    public long SourceLine { get; init; }

    /// <summary>Tokens of both sides that come after the token at which the reward is read, and are not computed.</summary>
    public int UnreadTokens { get; init; }

    /// <summary>Tokens of both sides.</summary>
    public int Tokens => Chosen.Length + Rejected.Length + UnreadTokens;

    /// <summary>A pair from token ids, with its prefix length found. Throws <see cref="ArgumentException"/> on an empty side.</summary>
    public static PreferencePair FromIds(int[] chosen, int[] rejected, long rowIndex) =>
        new() { Chosen = chosen, Rejected = rejected, PrefixLength = CommonPrefix(chosen, rejected), RowIndex = rowIndex };

    /// <summary>Longest common prefix in tokens, at most the shorter length less one.</summary>
    public static int CommonPrefix(ReadOnlySpan<int> chosen, ReadOnlySpan<int> rejected)
    {
        if (chosen.IsEmpty || rejected.IsEmpty)
        {
            throw new ArgumentException("Both sides of a pair need at least one token.");
        }

        return Math.Min(chosen.CommonPrefixLength(rejected), Math.Min(chosen.Length, rejected.Length) - 1);
    }

    /// <summary>Tokens that the pair takes in a packed micro-batch: the prefix once when it is shared.</summary>
    public int PackedTokens(bool sharePrefix) => Chosen.Length + Rejected.Length - (sharePrefix ? PrefixLength : 0);
}
