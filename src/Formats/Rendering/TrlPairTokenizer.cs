using Rm.Formats.Rows;
using Rm.Formats.Tokenization;

namespace Rm.Formats.Rendering;

/// <summary>
/// Rows to token ids as TRL's reward trainer has them: strings are taken as they are, without a template, and end in the EOS token's text;
/// message lists go through the template; pairs with too long a side are left out, and no others. A text's reward is read at its last token
/// that is not the padding token, which for many tokenizers is EOS: what follows is counted, not computed.
/// </summary>
/// <param name="inner">Renders message lists, checks ids and lengths.</param>
/// <param name="encoder">The tokenizer.</param>
/// <param name="eos">What strings end in.</param>
/// <param name="pad">Id of the padding token.</param>
internal sealed class TrlPairTokenizer(PairTokenizer inner, Tokenizer? encoder, string? eos, int? pad) : IPairTokenizer
{
    /// <inheritdoc/>
    public ITextEncoder? Encoder => inner.Encoder;

    /// <inheritdoc/>
    public TokenizedRow Tokenize(PairRow row, long rowIndex, bool keepIdentical = false)
    {
        // What would change the rendering must not be passed over.
        foreach (string column in (ReadOnlySpan<string>)["tools", "chat_template_kwargs"])
        {
            if (row.Source.Has(column))
            {
                throw row.Source.Error(column, "is not passed to the chat template here. Render such rows beforehand.");
            }
        }

        PairRow read = row with { Chosen = Side(row.Chosen, row.Source), Rejected = Side(row.Rejected, row.Source), Weight = 1 };
        TokenizedRow result = inner.Tokenize(read, rowIndex, keepIdentical: true);
        if (result.Pair is not { } pair)
        {
            return result;
        }

        int[] chosen = UpToReward(pair.Chosen), rejected = UpToReward(pair.Rejected);
        return result with
        {
            Pair = pair with
            {
                Chosen = chosen,
                Rejected = rejected,
                PrefixLength = PreferencePair.CommonPrefix(chosen, rejected),
                UnreadTokens = pair.Tokens - chosen.Length - rejected.Length,
                PromptHash = PromptHash.Of(row),
                ContentHash = PairHash.Of(row),
            },
        };
    }

    private Conversation Side(Conversation side, DataRow row)
    {
        if (side.Text is not { } text)
        {
            return side;
        }

        if (encoder is null || eos is null)
        {
            throw row.Error(encoder is null
                ? "the row holds text, which needs the checkpoint's tokenizer.json. Only rows of token ids do without."
                : "the tokenizer has no EOS token for the text to end in. Give --eos_token.");
        }

        return new Conversation
        {
            TokenIds = encoder.Encode(text.EndsWith(eos, StringComparison.Ordinal) ? text : text + eos, addSpecialTokens: true),
        };
    }

    private int[] UpToReward(int[] ids)
    {
        int length = ids.Length;
        while (length > 0 && ids[length - 1] == pad)
        {
            length--;
        }

        // Of nothing but padding, transformers reads the first token.
        return length == ids.Length ? ids : ids[..Math.Max(1, length)];
    }
}
