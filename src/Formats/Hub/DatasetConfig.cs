namespace Rm.Formats.Hub;

/// <summary>A configuration that a dataset's card declares.</summary>
/// <param name="Name">Its name.</param>
/// <param name="IsDefault">Whether it is the one to take when none is named.</param>
/// <param name="Folder">Folder that its files lie in, or null.</param>
/// <param name="Files">Which files belong to it; empty when only <paramref name="Folder"/> tells.</param>
public sealed record DatasetConfig(string Name, bool IsDefault, string? Folder, IReadOnlyList<DatasetConfigFiles> Files);

/// <summary>Files of a configuration.</summary>
/// <param name="Split">Their split, or null when their names tell it.</param>
/// <param name="Patterns">Paths, with <c>*</c>, <c>**</c> and <c>?</c> as wildcards.</param>
public sealed record DatasetConfigFiles(string? Split, IReadOnlyList<string> Patterns);
