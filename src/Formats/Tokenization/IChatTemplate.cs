namespace Rm.Formats.Tokenization;

/// <summary>One turn of a conversation. <paramref name="Role"/> is system, user, assistant or what the template knows.</summary>
public sealed record ChatMessage(string Role, string Content);

/// <summary>A checkpoint's rule that turns a conversation into one text.</summary>
public interface IChatTemplate
{
    /// <summary>The rendered text. Throws <see cref="UserInputException"/> with the template's own message when it refuses the conversation.</summary>
    string Render(IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt);
}
