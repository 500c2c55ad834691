namespace Rm.Formats.Hub;

/// <summary>Files of a split.</summary>
/// <param name="Files">Their paths in the repository, in reading order.</param>
/// <param name="Note">What the user should know about the choice, or null.</param>
internal sealed record DatasetChoice(IReadOnlyList<string> Files, string? Note = null);
