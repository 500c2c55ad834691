namespace Rm.Formats.ChatTemplates;

/// <summary>Why a template failed, before the place is known: <see cref="ChatTemplate"/> adds the line.</summary>
internal sealed class TemplateException(string message) : UserInputException(message);

/// <summary>The template called <c>raise_exception</c>: it refuses this conversation.</summary>
internal sealed class TemplateRefusalException(string message) : UserInputException(message);
