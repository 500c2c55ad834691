using System.CommandLine;
using Rm.Host.Data;

namespace Rm.Host.Cli;

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

    public TextOptionGroup()
    {
        _maxSeqLen = Add("--max-seq-len", "Most tokens of one side of a pair; 0 for no limit.", 1024, "N");
        _truncation = Add("--truncation", "What happens to longer ones: response, drop or prompt-left.", "response", "MODE");
        _noChatTemplate = AddFlag("--no-chat-template", "Concatenate prompt and response and end with the EOS token.");
        _systemPrompt = AddOptional<string>("--system-prompt", "System turn for conversations that have none.", "TEXT");
    }

    /// <summary>The settings, for a model with <paramref name="vocabSize"/> tokens.</summary>
    public TextOptions Read(ParseResult result, int vocabSize)
    {
        Require(result.GetValue(_maxSeqLen) >= 0, _maxSeqLen, "must be 0 or more");
        return new TextOptions(
            !result.GetValue(_noChatTemplate), result.GetValue(_systemPrompt), result.GetValue(_maxSeqLen), Choose(result, _truncation, Truncations), vocabSize);
    }
}
