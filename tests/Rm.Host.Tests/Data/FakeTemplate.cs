using Rm.Formats;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Data;

/// <summary>
/// ChatML in short: <c>&lt;|start|&gt;u:content&lt;|end|&gt;\n</c>. What it does to contents can be set; it refuses a role "tool".
/// </summary>
internal sealed class FakeTemplate : IChatTemplate
{
    public Func<string, string> Content { get; init; } = content => content;

    public string Closing { get; init; } = "<|end|>\n";

    public string Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt, ChatTemplateInputs? inputs = null)
    {
        if (messages.Any(message => message.Role == "tool"))
        {
            throw new UserInputException("tools are not known");
        }

        return string.Concat(messages.Select(message => $"<|start|>{message.Role[0]}:{Content(message.Content)}{Closing}"))
            + (addGenerationPrompt ? "<|start|>a:" : "");
    }
}
