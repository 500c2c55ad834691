using System.CommandLine;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Training.Artifacts;

namespace Rm.Host.Options;

/// <summary>How rows become token ids.</summary>
internal sealed class TextOptionGroup : OptionGroup
{
    private static readonly Dictionary<string, TruncationMode> Truncations = new(StringComparer.Ordinal)
    {
        ["response"] = TruncationMode.Response,
        ["drop"] = TruncationMode.Drop,
        ["prompt-left"] = TruncationMode.PromptLeft,
    };

    private readonly Option<int> _maxSeqLen;
    private readonly Option<string> _truncation;
    private readonly Option<bool> _noChatTemplate;
    private readonly Option<string?> _systemPrompt;
    private readonly Option<string?> _promptColumn;
    private readonly Option<string?> _systemColumn;
    private readonly Option<string?> _ignoreColumns;

    public TextOptionGroup()
    {
        _maxSeqLen = Add("--max-seq-len", "Most tokens of one side of a pair; 0 for no limit.", 1024, "N");
        _truncation = Add("--truncation", "What happens to longer ones: response, drop or prompt-left.", "response", "MODE");
        _noChatTemplate = AddFlag("--no-chat-template", "Concatenate prompt and response and end with the EOS token.");
        _systemPrompt = AddOptional<string>("--system-prompt", "System turn for conversations that have none.", "TEXT");
        _promptColumn = AddOptional<string>("--prompt-column", "Column of the prompt, where its name is not a known one.", "NAME");
        _systemColumn = AddOptional<string>("--system-column", "Column of the system turn, where its name is not a known one.", "NAME");
        _ignoreColumns = AddOptional<string>("--ignore-columns", "Columns to treat as absent, separated by commas.", "NAMES");
    }

    /// <summary>The settings, for a model with <paramref name="vocabSize"/> tokens.</summary>
    public TextOptions Read(ParseResult result, int vocabSize)
    {
        Require(result.GetValue(_maxSeqLen) >= 0, _maxSeqLen, "must be 0 or more");
        return new TextOptions(
            !result.GetValue(_noChatTemplate), result.GetValue(_systemPrompt), result.GetValue(_maxSeqLen),
            Choose(result, _truncation, Truncations), vocabSize,
            Columns(result));
    }

    private RowColumns? Columns(ParseResult result)
    {
        string[] ignored =
            result.GetValue(_ignoreColumns)?.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) ?? [];
        (string? prompt, string? system) = (result.GetValue(_promptColumn), result.GetValue(_systemColumn));
        return prompt is null && system is null && ignored.Length == 0
            ? null
            : new RowColumns(prompt, system, ignored.ToHashSet(StringComparer.Ordinal));
    }

    /// <summary>--max-seq-len where the command line gives one above 0; null otherwise.</summary>
    public int? MaxSeqLenGiven(ParseResult result) =>
        result.GetResult(_maxSeqLen) is { Implicit: false } && result.GetValue(_maxSeqLen) is > 0 and int given ? given : null;

    /// <summary>
    /// The settings for scoring: what the command line leaves open is as it was in training, because a reward belongs to the text it was
    /// trained on. Says on stderr what was taken over.
    /// </summary>
    public TextOptions ReadForScoring(ParseResult result, int vocabSize, ArtifactInfo? trained)
    {
        TextOptions given = Read(result, vocabSize);
        if (trained is null)
        {
            return given;
        }

        bool Open(Option option) => result.GetResult(option) is not { Implicit: false };
        TextOptions options = given with
        {
            UseChatTemplate = Open(_noChatTemplate) ? trained.ChatTemplate : given.UseChatTemplate,
            SystemPrompt = Open(_systemPrompt) ? trained.SystemPrompt : given.SystemPrompt,
            MaxSeqLen = Open(_maxSeqLen) ? Math.Max(0, trained.MaxSeqLen) : given.MaxSeqLen,
            Truncation = Open(_truncation) && Enum.TryParse(trained.Truncation, out TruncationMode mode) ? mode : given.Truncation,
        };
        if (options != given)
        {
            Console.Error.WriteLine(
                $"As in training: {(options.UseChatTemplate ? "chat template" : "no chat template")}, max-seq-len {options.MaxSeqLen}, "
                    + $"truncation {options.Truncation}"
                + (options.SystemPrompt is null ? "." : $", system prompt \"{options.SystemPrompt}\"."));
        }

        return options;
    }
}
