namespace Rm.Formats.Tokenization;

/// <summary>A checkpoint's rule that turns a conversation into one text.</summary>
public interface IChatTemplate
{
    /// <summary>
    /// The rendered text. Throws <see cref="UserInputException"/> with the template's own message when it refuses the conversation.
    /// </summary>
    /// <param name="messages">The turns.</param>
    /// <param name="addGenerationPrompt">Ends with the beginning of an answer.</param>
    /// <param name="inputs">What else the template may see; null for nothing.</param>
    string Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt, ChatTemplateInputs? inputs = null);
}
