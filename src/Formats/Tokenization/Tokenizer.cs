using System.Collections.Concurrent;
using System.Text;

namespace Rm.Formats.Tokenization;

/// <summary>
/// A tokenizer in Hugging Face's <c>tokenizer.json</c> format, byte-level BPE (Qwen, Llama 3), SentencePiece-like BPE (Llama 2, Mistral,
/// Gemma) or Unigram (T5, XLM-R): the same ids as the <c>tokenizers</c> library. Safe for use by several threads.
/// </summary>
public sealed class Tokenizer : ITextEncoder
{
    // Bounds the working memory of one text (NFC takes 16 bytes a character) far above any text that a model reads.
    private const int MaxCharacters = 1 << 27;

    private readonly Vocabulary vocabulary;
    private readonly TokenizerFile file;
    private readonly Dictionary<string, int> addedIds = new(StringComparer.Ordinal);
    private readonly HashSet<int> specialIds = [];
    private readonly HashSet<int> spelledAsText = [];
    private readonly AddedTokenMatcher rawTokens;
    private readonly AddedTokenMatcher normalizedTokens;
    private readonly ConcurrentBag<WordEncoder> encoders = [];

    private Tokenizer(TokenizerFile file, TokenizerConfig config)
    {
        this.file = file;
        vocabulary = file.Vocabulary;
        List<(string, AddedToken)> raw = [], normalized = [];
        foreach (AddedToken token in file.Added.Tokens)
        {
            addedIds.Add(token.Content, token.Id);
            spelledAsText.Add(token.Id);
            if (token.Special)
            {
                specialIds.Add(token.Id);
            }

            string text = token.Normalized ? file.Normalizer.Apply(token.Content) : token.Content;
            if (text.Length > 0)
            {
                (token.Normalized ? normalized : raw).Add((text, token));
            }
        }

        rawTokens = new AddedTokenMatcher(raw, config.SplitSpecialTokens);
        normalizedTokens = new AddedTokenMatcher(normalized, config.SplitSpecialTokens);
        ChatTemplates = config.ChatTemplates;
        var named = config.Special.Named.ToDictionary(entry => entry.Name, entry => entry.Token.Content, StringComparer.Ordinal);
        if (!config.NamesPadding && file.PaddingToken is { } padding)
        {
            named["pad_token"] = padding;
        }

        SpecialTokens = named;
    }

    /// <summary>One more than the highest token id, added tokens included: rows that an embedding needs.</summary>
    public int VocabularySize => vocabulary.Size;

    /// <summary>What the tokenizer puts in front of a text when special tokens are added: a BOS, or nothing.</summary>
    public ReadOnlyMemory<int> LeadingSpecialTokens => file.PostProcessor.Prefix;

    /// <summary>What the tokenizer puts behind a text when special tokens are added.</summary>
    public ReadOnlyMemory<int> TrailingSpecialTokens => file.PostProcessor.Suffix;

    /// <summary>What the tokenizer puts around the second text of a pair.</summary>
    public (ReadOnlyMemory<int> Leading, ReadOnlyMemory<int> Trailing) SecondSpecialTokens =>
        (file.PostProcessor.SecondPrefix, file.PostProcessor.SecondSuffix);

    /// <summary>
    /// Texts of the special tokens that the checkpoint names, under their names there: <c>bos_token</c>, <c>sep_token</c>, or a model's
    /// own. Chat templates see them so.
    /// </summary>
    public IReadOnlyDictionary<string, string> SpecialTokens { get; }

    /// <summary>Text of <c>bos_token</c>, or null.</summary>
    public string? BosToken => SpecialTokens.GetValueOrDefault("bos_token");

    /// <summary>Text of <c>eos_token</c>, or null.</summary>
    public string? EosToken => SpecialTokens.GetValueOrDefault("eos_token");

    /// <summary>Text of <c>pad_token</c>, or null.</summary>
    public string? PadToken => SpecialTokens.GetValueOrDefault("pad_token");

    /// <summary>Text of <c>unk_token</c>, or null.</summary>
    public string? UnkToken => SpecialTokens.GetValueOrDefault("unk_token");

    /// <summary>Id of <see cref="BosToken"/>; null without one.</summary>
    public int? BosTokenId => IdOf(BosToken);

    /// <summary>Id of <see cref="EosToken"/>; null without one.</summary>
    public int? EosTokenId => IdOf(EosToken);

    /// <summary>Id of <see cref="PadToken"/>; null without one.</summary>
    public int? PadTokenId => IdOf(PadToken);

    /// <summary>Id of <see cref="UnkToken"/>; null without one.</summary>
    public int? UnkTokenId => IdOf(UnkToken);

    /// <summary>Jinja sources of the checkpoint's chat templates by name; see <see cref="ChatTemplateFiles"/>.</summary>
    public IReadOnlyDictionary<string, string> ChatTemplates { get; }

    /// <summary>The default chat template, or null when the checkpoint has none.</summary>
    public string? ChatTemplateText => ChatTemplates.GetValueOrDefault(ChatTemplateFiles.Default);

    /// <summary>
    /// Loads a checkpoint folder's tokenizer.json (or tokenizer.json.gz) and the files beside it that say more of the tokenizer.
    /// </summary>
    /// <exception cref="UserInputException">A file is missing, malformed, or a tokenizer of a kind that is not supported.</exception>
    public static Tokenizer Load(string folder)
    {
        var file = TokenizerFile.Load(folder);
        var config = TokenizerConfig.Load(folder);
        config.AddTo(file.Added);
        return new Tokenizer(file, config);
    }

    /// <summary>
    /// Id of a token by its text in tokenizer.json: an added token's content, or a vocabulary key ("Ġthe"). Null when there is none.
    /// </summary>
    public int? TokenId(string token)
    {
        ArgumentNullException.ThrowIfNull(token);
        return addedIds.TryGetValue(token, out int id) || vocabulary.TryFindSpelling(Encoding.UTF8.GetBytes(token), out id) ? id : null;
    }

    /// <summary>
    /// A token for people to read: its text, or its bytes as <c>&lt;0xE6 0x97&gt;</c> when they are a part of a character.
    /// </summary>
    /// <exception cref="UserInputException">There is no such id.</exception>
    public string TokenText(int id)
    {
        ReadOnlySpan<byte> bytes = BytesOf(id);
        return System.Text.Unicode.Utf8.IsValid(bytes)
            ? Encoding.UTF8.GetString(bytes)
            : $"<{string.Join(' ', bytes.ToArray().Select(b => $"0x{b:X2}"))}>";
    }

    /// <summary>A token as tokenizer.json spells it, in the byte-level alphabet ("Ġthe"); an added token's own text.</summary>
    /// <exception cref="UserInputException">There is no such id.</exception>
    public string TokenSpelling(int id) => spelledAsText.Contains(id) || !vocabulary.Contains(id) ? TokenText(id)
        : vocabulary.IsByteLevel ? ByteAlphabet.Spell(vocabulary.Bytes(id)) : Encoding.UTF8.GetString(vocabulary.Bytes(id));

    /// <summary>True for a control token (<c>special</c> among the added tokens).</summary>
    public bool IsSpecial(int id) => specialIds.Contains(id);

    /// <inheritdoc/>
    /// <exception cref="UserInputException">
    /// The text has more than 2^27 characters, or the tokenizer's own split pattern backtracks without end on it.
    /// </exception>
    public int[] Encode(string text, bool addSpecialTokens)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > MaxCharacters)
        {
            throw new UserInputException(
                $"A text of {text.Length} characters is too long to tokenize (limit {MaxCharacters}); cut it before.");
        }

        if (!encoders.TryTake(out WordEncoder? encoder))
        {
            encoder = new WordEncoder(file.Model);
        }

        encoder.Ids.Clear();
        EncodeRaw(Scalars.ReplaceLoneSurrogates(text), encoder);
        if (addSpecialTokens)
        {
            file.PostProcessor.Apply(encoder.Ids);
        }

        int[] ids = [.. encoder.Ids];
        encoder.Trim();
        encoders.Add(encoder);
        return ids;
    }

    /// <inheritdoc/>
    /// <exception cref="UserInputException">An id names no token.</exception>
    public string Decode(ReadOnlySpan<int> ids)
    {
        var decoder = new StreamingDecoder(this);
        var text = new StringBuilder();
        foreach (int id in ids)
        {
            text.Append(decoder.Push(id));
        }

        return text.Append(decoder.Flush()).ToString();
    }

    /// <summary>The bytes that a token stands for: UTF-8, perhaps a part of a character.</summary>
    /// <param name="id">The token.</param>
    /// <param name="first">True for the first of a text, which may lose the space in front.</param>
    /// <exception cref="UserInputException">There is no such id.</exception>
    internal ReadOnlySpan<byte> BytesOf(int id, bool first = false) => vocabulary.Contains(id)
        ? file.Decoder.Decode(vocabulary.Bytes(id), first)
        : throw new UserInputException($"Token id {id} is not in the tokenizer's vocabulary (ids 0 to {VocabularySize - 1}).");

    private int? IdOf(string? token) => token is null ? null : TokenId(token);

    private void EncodeRaw(string text, WordEncoder encoder)
    {
        if (rawTokens.IsEmpty)
        {
            EncodeNormalized(text, atStart: true, encoder);
            return;
        }

        int done = 0, search = 0;
        while (rawTokens.TryNext(text, ref search, done, out AddedTokenMatcher.Match match))
        {
            EncodeNormalized(text.AsSpan(Math.Min(done, match.Start)..match.Start), done == 0, encoder);
            encoder.Ids.Add(match.Token.Id);
            done = match.End;
        }

        EncodeNormalized(text.AsSpan(done), done == 0, encoder);
    }

    private void EncodeNormalized(ReadOnlySpan<char> text, bool atStart, WordEncoder encoder)
    {
        text = file.Normalizer.Apply(text, ref atStart);
        int done = 0, search = 0;
        while (normalizedTokens.TryNext(text, ref search, done, out AddedTokenMatcher.Match match))
        {
            file.PreTokenizer.Split(text[Math.Min(done, match.Start)..match.Start], atStart && done == 0, encoder);
            encoder.Ids.Add(match.Token.Id);
            done = match.End;
        }

        file.PreTokenizer.Split(text[done..], atStart && done == 0, encoder);
    }
}
