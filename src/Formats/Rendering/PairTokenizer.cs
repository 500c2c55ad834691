using System.Text.Encodings.Web;
using System.Text.Json;
using Rm.Formats.Rows;
using Rm.Formats.Tokenization;

namespace Rm.Formats.Rendering;

/// <summary>
/// Rows to token ids: rendering, tokenising, truncating. Safe to use from several threads when encoder and template are; the result
/// of a row depends on that row alone.
/// </summary>
public sealed class PairTokenizer : IPairTokenizer
{
    private readonly TextOptions _options;
    private readonly TextRenderer _renderer;
    private readonly SideTokenizer? _sides;

    /// <summary>
    /// A tokenizer for rows. <paramref name="encoder"/> may be null when rows hold token ids only; <paramref name="template"/> may be
    /// null when none is needed: a row that needs one then throws.
    /// </summary>
    public PairTokenizer(ITextEncoder? encoder, IChatTemplate? template, TextOptions options)
    {
        if (options.MaxSeqLen < 0)
        {
            throw new UserInputException($"--max-seq-len must be at least 1 (or 0 for no limit), not {options.MaxSeqLen}.");
        }

        Encoder = encoder;
        _options = options;
        _renderer = new TextRenderer(template, options);
        _sides = encoder is null ? null : new SideTokenizer(encoder);
    }

    /// <inheritdoc/>
    public ITextEncoder? Encoder { get; }

    /// <inheritdoc/>
    public RowColumns Columns => _options.Columns ?? RowColumns.None;

    private int MaxLength => _options.MaxSeqLen == 0 ? int.MaxValue : _options.MaxSeqLen;

    /// <inheritdoc/>
    public TokenizedRow Tokenize(PairRow row, long rowIndex, bool keepIdentical = false) =>
        Tokenize(row, rowIndex, keepIdentical, Answers(row), leastExcess: 0);

    /// <inheritdoc/>
    public IReadOnlyList<TokenizedRow> TokenizeAll(IReadOnlyList<PairRow> rows, long rowIndex, bool cutAlike)
    {
        AnswerTokens answers = Answers(rows[0]);
        int excess = 0;
        if (cutAlike && _options.Truncation == TruncationMode.PromptLeft)
        {
            foreach (TokenizedSide side in rows.SelectMany(row => new[] { answers.Of(row.Chosen), answers.Of(row.Rejected) }))
            {
                // What does not fit at all leaves the row with its pairs, and must not take the others' prompts.
                int own = side.Ids.Length - MaxLength;
                excess = own > excess && side.CutPrompt(own) is not null ? own : excess;
            }
        }

        return [.. rows.Select(row => Tokenize(row, rowIndex, keepIdentical: false, answers, excess))];
    }

    private AnswerTokens Answers(PairRow row)
    {
        int shared = row.Chosen.TokenIds is { } given && row.Rejected.TokenIds is { } other ? PreferencePair.CommonPrefix(given, other) : 0;
        var prompt = new PromptTokens();
        return new AnswerTokens(answer => Side(answer, row.Source, shared, prompt));
    }

    private TokenizedRow Tokenize(PairRow row, long rowIndex, bool keepIdentical, AnswerTokens answers, int leastExcess)
    {
        TokenizedSide chosen = answers.Of(row.Chosen), rejected = answers.Of(row.Rejected);
        if (row.HasNoPreference)
        {
            return Drop(DropReason.NoPreference);
        }

        if (chosen.Ids.Length == 0 || rejected.Ids.Length == 0)
        {
            return Drop(DropReason.NoTokens);
        }

        if (!keepIdentical && chosen.Ids.AsSpan().SequenceEqual(rejected.Ids))
        {
            return Drop(DropReason.IdenticalSides);
        }

        if (!Fit(answers, chosen, rejected, leastExcess, out int[] chosenIds, out int[] rejectedIds, out DropReason reason))
        {
            return Drop(reason);
        }

        if (!keepIdentical && chosenIds.AsSpan().SequenceEqual(rejectedIds))
        {
            return Drop(DropReason.EqualAfterTruncation);
        }

        var pair = new PreferencePair
        {
            Chosen = chosenIds,
            Rejected = rejectedIds,
            PrefixLength = PreferencePair.CommonPrefix(chosenIds, rejectedIds),
            RowIndex = rowIndex,
            Margin = row.Margin,
            Weight = row.Weight,
            Domain = row.Domain,
            ScoreRatio = row.ScoreRatio,
            PromptHash = PromptHash.Of(row),
            ContentHash = PairHash.Of(row),
            PostId = row.PostId,
            Subset = row.Subset,
            SourceFile = row.Source.File,
            SourceLine = row.Source.Line,
        };
        return new TokenizedRow(
            pair, DropReason.None, row.Kind, chosen.PromptLength,
            chosenIds.Length < chosen.Ids.Length, rejectedIds.Length < rejected.Ids.Length)
        {
            PromptsDiffer = row.PromptsDiffer,
            Unread = row.Unread,
        };

        TokenizedRow Drop(DropReason why) =>
            new(null, why, row.Kind, chosen.PromptLength, ChosenTruncated: false, RejectedTruncated: false) { Unread = row.Unread };
    }

    /// <summary>Tokenises one text or conversation as a side of a pair would be.</summary>
    public TokenizedText Tokenize(Conversation conversation, DataRow row)
    {
        var answers = new AnswerTokens(answer => Side(answer, row, promptIds: 0, new PromptTokens()));
        TokenizedSide side = answers.Of(conversation);
        if (side.Ids.Length == 0)
        {
            return new TokenizedText(null, DropReason.NoTokens, Truncated: false);
        }

        return Fit(answers, side, null, leastExcess: 0, out int[] ids, out _, out DropReason reason)
            ? new TokenizedText(ids, DropReason.None, ids.Length < side.Ids.Length)
            : new TokenizedText(null, reason, Truncated: false);
    }

    /// <summary>The text that a conversation is tokenised from; null for token ids.</summary>
    public string? Render(Conversation conversation, DataRow row) =>
        conversation.TokenIds is null ? _renderer.Render(conversation, row).Text : null;

    private TokenizedSide Side(Conversation side, DataRow row, int promptIds, PromptTokens prompt)
    {
        if (side.TokenIds is { } ids)
        {
            CheckIds(ids, row);
            return _sides?.FromIds(ids, promptIds) ?? new TokenizedSide(ids, promptIds, 0, ids, default);
        }

        if (_sides?.Tokenize(_renderer.Render(side, row), prompt) is { } tokenized)
        {
            // A text may be empty; that is told elsewhere.
            CheckIds(tokenized.Ids, row);
            return tokenized;
        }

        throw row.Error("the row holds text, which needs the checkpoint's tokenizer.json. Only rows of token ids do without.");
    }

    private void CheckIds(int[] ids, DataRow row)
    {
        if (_options.VocabSize > 0 && ids.Length > 0 && ids.Max() is var largest && largest >= _options.VocabSize)
        {
            string name = Encoder is null
                ? ""
                : $" (\"{JsonEncodedText.Encode(Encoder.Decode([largest]), JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\")";
            throw row.Error(
                $"token id {largest}{name} is outside the model's vocabulary of {_options.VocabSize}: the embedding has no row for it. "
                + "A token that was added to a tokenizer must be added to the model as well.");
        }
    }

    private bool Fit(
        AnswerTokens answers, TokenizedSide chosen, TokenizedSide? rejected, int leastExcess, out int[] chosenIds, out int[] rejectedIds,
        out DropReason reason)
    {
        int most = Math.Max(chosen.Ids.Length, rejected?.Ids.Length ?? 0);
        int excess = Math.Max(most - MaxLength, leastExcess);
        int[]? first = Cut(chosen);
        int[]? second = rejected is null ? [] : Cut(rejected);
        chosenIds = first ?? [];
        rejectedIds = second ?? [];
        bool fits = first is not null && second is not null;
        reason = fits ? DropReason.None : _options.Truncation switch
        {
            TruncationMode.Drop => DropReason.TooLong,
            TruncationMode.PromptLeft => DropReason.ResponseTooLong,
            _ => DropReason.PromptTooLong,
        };
        return fits;

        // Under prompt-left both sides lose the same tokens, so that they still answer the same prompt.
        int[]? Cut(TokenizedSide side) => _options.Truncation switch
        {
            TruncationMode.PromptLeft when excess > 0 => answers.Cut(side, side.Ids.Length - excess, () => side.CutPrompt(excess)),
            TruncationMode.Response when side.Ids.Length > MaxLength => answers.Cut(side, MaxLength, () => side.CutResponse(MaxLength)),
            _ => side.Ids.Length <= MaxLength ? side.Ids : null,
        };
    }
}
