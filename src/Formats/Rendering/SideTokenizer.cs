using Rm.Formats.Tokenization;

namespace Rm.Formats.Rendering;

/// <summary>
/// Turns a rendered text into token ids. The ids of a text that fits are exactly the tokenizer's ids of the whole text; prompt and
/// closing tokens are only ever found in them, never put together from pieces.
/// </summary>
internal sealed class SideTokenizer
{
    private readonly ITextEncoder _encoder;
    private readonly int? _bos;

    public SideTokenizer(ITextEncoder encoder)
    {
        _encoder = encoder;
        // What the tokenizer puts in front of nothing at all is what it puts in front of every text.
        int[] added = encoder.Encode("", addSpecialTokens: true);
        _bos = added.Length > 0 && added[0] != encoder.EosTokenId ? added[0] : null;
    }

    /// <summary>
    /// Tokenises a text. <paramref name="prompt"/> is one row's: the sides of a pair mostly share their prompt, which is the longest part.
    /// </summary>
    public TokenizedSide Tokenize(in RenderedText text, PromptTokens prompt) =>
        text.IsTemplated ? Templated(text, prompt) : Plain(text, prompt);

    /// <summary>Ids that a row gives: their prompt is what the pair shares, their closing tokens a final EOS.</summary>
    public TokenizedSide FromIds(int[] ids, int promptLength)
    {
        int closing = TrailingEos(ids);
        int body = ids.Length - closing;
        return Side(ids, Math.Min(promptLength, body), ids.AsMemory(0, body), ids.AsMemory(body));
    }

    private TokenizedSide Templated(in RenderedText text, PromptTokens prompt)
    {
        int[] ids = _encoder.Encode(text.Text, addSpecialTokens: false);
        int[] closing = _encoder.Encode(text.Closing, addSpecialTokens: false);
        // Where the tokenizer merges the content's end with the closing text, the content is tokenised without it for cutting.
        bool separate = ids.AsSpan().EndsWith(closing);
        ReadOnlyMemory<int> body = separate
            ? ids.AsMemory(0, ids.Length - closing.Length)
            : _encoder.Encode(text.Text[..text.ResponseEnd], addSpecialTokens: false);
        return Side(ids, PromptLength(text, ids, prompt), body, closing);
    }

    private TokenizedSide Plain(in RenderedText text, PromptTokens prompt)
    {
        int[] ids = _encoder.Encode(text.Text, addSpecialTokens: true);
        int closing = TrailingEos(ids);
        if (closing == 0 && _encoder.EosTokenId is { } eos)
        {
            ids = [.. ids, eos];
            closing = 1;
        }

        int body = ids.Length - closing;
        return Side(ids, Math.Min(PromptLength(text, ids, prompt), body), ids.AsMemory(0, body), ids.AsMemory(body));
    }

    private TokenizedSide Side(int[] ids, int promptLength, ReadOnlyMemory<int> body, ReadOnlyMemory<int> closing) =>
        new(ids, promptLength, promptLength > 0 && ids[0] == _bos ? 1 : 0, body, closing);

    // A token that spans the prompt's end belongs to the response: it is not among the prompt's own tokens.
    private int PromptLength(in RenderedText text, int[] ids, PromptTokens prompt)
    {
        if (text.ResponseStart == 0)
        {
            return 0;
        }

        if (prompt.Ids.Length == 0 || !text.Prompt.SequenceEqual(prompt.Text))
        {
            prompt.Text = text.Prompt.ToString();
            prompt.Ids = _encoder.Encode(prompt.Text, addSpecialTokens: !text.IsTemplated);
        }

        return ids.AsSpan().CommonPrefixLength(prompt.Ids);
    }

    // Length of a trailing EOS with any white space after it (ChatML texts end in EOS and a line end), 0 without one.
    private int TrailingEos(int[] ids)
    {
        for (int i = ids.Length - 1; i >= 0 && _encoder.EosTokenId is { } eos; i--)
        {
            if (ids[i] == eos)
            {
                return ids.Length - i;
            }

            if (!string.IsNullOrWhiteSpace(_encoder.Decode(ids.AsSpan(i, 1))))
            {
                break;
            }
        }

        return 0;
    }
}
