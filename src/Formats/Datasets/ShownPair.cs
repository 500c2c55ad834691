using Rm.Formats.Rendering;
using Rm.Formats.Tokenization;

namespace Rm.Formats.Datasets;

/// <summary>One side of a pair as the model reads it.</summary>
/// <param name="Text">The token ids decoded, special tokens included; null without a tokenizer.</param>
/// <param name="Tokens">How many they are.</param>
/// <param name="Truncated">True when tokens were taken away.</param>
/// <param name="RewardTokenId">The last token, at which the reward is read.</param>
/// <param name="RewardTokenText">Its text; null without a tokenizer.</param>
public sealed record ShownSide(string? Text, int Tokens, bool Truncated, int RewardTokenId, string? RewardTokenText);

/// <summary>A pair to look at: a template that lost a turn or a text that lost its end shows here and nowhere else.</summary>
/// <param name="File">File of the row.</param>
/// <param name="Line">Its line there.</param>
/// <param name="Chosen">The preferred side.</param>
/// <param name="Rejected">The other one.</param>
public sealed record ShownPair(string File, long Line, ShownSide Chosen, ShownSide Rejected)
{
    /// <summary>Decodes a pair.</summary>
    public static ShownPair Of(PreferencePair pair, bool chosenTruncated, bool rejectedTruncated, ITextEncoder? encoder)
    {
        ShownSide Side(int[] ids, bool truncated) => new(encoder?.Decode(ids), ids.Length, truncated, ids[^1], encoder?.Decode([ids[^1]]));
        return new ShownPair(pair.SourceFile, pair.SourceLine, Side(pair.Chosen, chosenTruncated), Side(pair.Rejected, rejectedTruncated));
    }
}
