namespace Rm.Formats.Tokenization;

/// <summary>A token that is matched in the text before the model sees it (<c>added_tokens</c> of tokenizer.json).</summary>
/// <param name="Id">Token id.</param>
/// <param name="Content">The text that is matched.</param>
/// <param name="Special">A control token, such as an end of turn.</param>
/// <param name="SingleWord">Matches only where no word character touches it.</param>
/// <param name="LeftStrip">Takes the white space before it.</param>
/// <param name="RightStrip">Takes the white space after it.</param>
/// <param name="Normalized">Matched, itself normalized, in the normalized text instead of the raw one.</param>
internal sealed record AddedToken(int Id, string Content, bool Special, bool SingleWord, bool LeftStrip, bool RightStrip, bool Normalized);
