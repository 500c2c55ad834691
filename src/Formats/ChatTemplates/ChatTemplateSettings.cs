using System.Text.Json;

namespace Rm.Formats.ChatTemplates;

/// <summary>
/// What a chat template can read besides the conversation. Transformers hands a template every special token that the checkpoint
/// names, under the names of tokenizer_config.json (<c>bos_token</c>, <c>eos_token</c>, ...); one that is null there is undefined.
/// </summary>
/// <param name="SpecialTokens">Text of each special token by its name.</param>
/// <param name="Now">What <c>strftime_now</c> tells; null for the clock. A fixed date makes a rendering reproducible.</param>
/// <param name="Variables">Further variables, say <c>enable_thinking</c>. They win over special tokens of the same name.</param>
public sealed record ChatTemplateSettings(
    IReadOnlyDictionary<string, string>? SpecialTokens = null,
    DateTime? Now = null,
    IReadOnlyDictionary<string, JsonElement>? Variables = null);
