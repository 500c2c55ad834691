using System.Collections.Concurrent;
using Rm.Formats.Tokenization;

namespace Rm.Formats.ChatTemplates;

/// <summary>
/// A checkpoint's chat templates by name. As in transformers a conversation with tools takes the one called tool_use where there is one,
/// any other the default.
/// </summary>
public sealed class ChatTemplateSet : IChatTemplate
{
    private readonly IReadOnlyDictionary<string, string> _sources;
    private readonly ChatTemplateSettings _settings;
    private readonly ConcurrentDictionary<string, ChatTemplate> _parsed = new(StringComparer.Ordinal);

    private ChatTemplateSet(IReadOnlyDictionary<string, string> sources, ChatTemplateSettings settings)
    {
        _sources = sources;
        _settings = settings;
        if (sources.ContainsKey(ChatTemplateFiles.Default))
        {
            Parsed(ChatTemplateFiles.Default);
        }
    }

    /// <summary>
    /// The templates beside a tokenizer, or null when there are none. Throws <see cref="UserInputException"/> when the default one is not
    /// valid.
    /// </summary>
    public static ChatTemplateSet? Of(Tokenizer tokenizer) =>
        tokenizer.ChatTemplates.Count > 0
            ? new ChatTemplateSet(tokenizer.ChatTemplates, new ChatTemplateSettings(tokenizer.SpecialTokens))
            : null;

    /// <inheritdoc/>
    public string Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt, ChatTemplateInputs? inputs = null)
    {
        string name = inputs?.Tools is not null && _sources.ContainsKey(ChatTemplateFiles.ToolUse)
            ? ChatTemplateFiles.ToolUse
            : ChatTemplateFiles.Default;
        return _sources.ContainsKey(name)
            ? Parsed(name).Render(messages, addGenerationPrompt, inputs)
            : throw new UserInputException(
                $"the checkpoint has several chat templates ({string.Join(", ", _sources.Keys.Order(StringComparer.Ordinal))}) and none of "
                + $"the name {ChatTemplateFiles.Default}; copy the one to use to {ChatTemplateFiles.FileName}.");
    }

    private ChatTemplate Parsed(string name) => _parsed.GetOrAdd(name, key => ChatTemplate.Parse(_sources[key], _settings));
}
