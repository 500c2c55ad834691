namespace Rm.Formats.Tokenization;

/// <summary>Text to token ids: what the data pipeline needs of a tokenizer.</summary>
public interface ITextEncoder
{
    /// <summary>Token id that ends a text (<c>eos_token</c> of tokenizer_config.json), or null when the checkpoint names none.</summary>
    int? EosTokenId { get; }

    /// <summary>
    /// Token ids of <paramref name="text"/>. Special tokens written in the text are matched. With <paramref name="addSpecialTokens"/>
    /// the tokenizer's post-processor adds its own (a BOS, say) unless the text already begins with them.
    /// </summary>
    int[] Encode(string text, bool addSpecialTokens);

    /// <summary>Text of <paramref name="ids"/>, special tokens included.</summary>
    string Decode(ReadOnlySpan<int> ids);
}
