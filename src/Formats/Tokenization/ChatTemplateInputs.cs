using System.Text.Json;

namespace Rm.Formats.Tokenization;

/// <summary>What a chat template sees of a row besides its messages, as transformers hands it over.</summary>
/// <param name="Tools">Column <c>tools</c>: a list, or null without one.</param>
/// <param name="Documents">Column <c>documents</c>: a list, or null without one.</param>
/// <param name="Variables">Column <c>chat_template_kwargs</c>: further variables by name, say <c>enable_thinking</c>.</param>
public sealed record ChatTemplateInputs(
    JsonElement? Tools = null, JsonElement? Documents = null, IReadOnlyDictionary<string, JsonElement>? Variables = null);
