namespace Rm.Formats.Rendering;

/// <summary>The token ids of one side and what truncation may take from them.</summary>
/// <param name="Ids">All token ids.</param>
/// <param name="PromptLength">Leading tokens that belong to the prompt alone.</param>
/// <param name="BosLength">1 when the first of them is a BOS token, otherwise 0.</param>
/// <param name="Body">The tokens before the closing ones, for cutting.</param>
/// <param name="Closing">The tokens that stay behind a response that was cut.</param>
internal sealed record TokenizedSide(int[] Ids, int PromptLength, int BosLength, ReadOnlyMemory<int> Body, ReadOnlyMemory<int> Closing)
{
    /// <summary>Tokens leave the end of the response; null when not even one would remain behind the prompt.</summary>
    public int[]? CutResponse(int maxLength)
    {
        int kept = Math.Min(maxLength - Closing.Length, Body.Length);
        return kept > PromptLength ? [.. Body.Span[..kept], .. Closing.Span] : null;
    }

    /// <summary>Tokens leave the beginning of the prompt; null when the prompt has fewer.</summary>
    public int[]? CutPrompt(int count) =>
        PromptLength - BosLength >= count ? [.. Ids.AsSpan(0, BosLength), .. Ids.AsSpan(BosLength + count)] : null;
}
