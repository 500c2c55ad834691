namespace Rm.Formats.Rendering;

/// <summary>A token at which rewards are read, because texts end in it.</summary>
/// <param name="Id">The token id.</param>
/// <param name="Text">Its text; null without a tokenizer.</param>
/// <param name="Count">How many sides of kept pairs end in it.</param>
public sealed record RewardToken(int Id, string? Text, long Count);
