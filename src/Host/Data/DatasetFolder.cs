namespace Rm.Host.Data;

/// <summary>
/// Finds the files of a split in a folder laid out as dataset hubs do: <c>train.jsonl</c>, <c>train-00000-of-00002.jsonl</c>,
/// the same under <c>data/</c>, or under a folder per configuration.
/// </summary>
public static class DatasetFolder
{
    /// <summary>
    /// Paths of the split's files, shards in ordinal order of their names. Without <paramref name="configuration"/>, a single subfolder
    /// that holds the split is taken. Throws <see cref="UserInputException"/> listing what is there when nothing fits or when more
    /// than one set of files does.
    /// </summary>
    public static IReadOnlyList<string> Find(string folder, string split, string? configuration = null)
    {
        if (!Directory.Exists(folder))
        {
            throw new UserInputException($"{folder}: no such folder.");
        }
        try
        {
            return FindGroups(folder, split, configuration);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UserInputException($"{folder}: cannot be listed ({e.Message}).", e);
        }
    }

    private static List<string> FindGroups(string folder, string split, string? configuration)
    {
        List<List<string>> groups = configuration is { Length: > 0 }
            ? [.. GroupsUnder(Path.Combine(folder, configuration), split),
                .. GroupsUnder(Path.Combine(folder, "data", configuration), split)]
            : GroupsUnder(folder, split);
        if (groups.Count == 0 && string.IsNullOrEmpty(configuration))
        {
            groups = [.. Directory.GetDirectories(folder).Order(StringComparer.Ordinal)
                .Where(sub => Path.GetFileName(sub) != "data").SelectMany(sub => GroupsUnder(sub, split))];
        }
        return groups.Count switch
        {
            1 => groups[0],
            0 => throw new UserInputException(
                $"{folder}: no data file of split '{split}'{Of(configuration)}. Data files there: {Names.List(DataFilesUnder(folder))}."),
            _ => throw new UserInputException(
                $"{folder}: more than one set of files fits split '{split}'{Of(configuration)}: "
                + $"{Names.List([.. groups.Select(group => Relative(folder, group[0]))])}. "
                + "Name the configuration's folder, or one data file."),
        };
    }

    private static string Of(string? configuration) => string.IsNullOrEmpty(configuration) ? "" : $" of configuration '{configuration}'";

    // Files that belong together: same folder, same ending, and either the one whole file or its shards.
    private static List<List<string>> GroupsUnder(string folder, string split) =>
        [.. new[] { folder, Path.Combine(folder, "data") }.Where(Directory.Exists)
            .SelectMany(place => Directory.GetFiles(place).Order(StringComparer.Ordinal))
            .Where(file => RowSource.FormatOf(file) is not null && Belongs(Stem(file), split))
            .GroupBy(file => (Path.GetDirectoryName(file), Path.GetFileName(file)[Stem(file).Length..], Stem(file) == split))
            .Select(group => group.ToList())];

    // "train_prefs" is a split of its own and no shard of "train", whereas "train-00000-of-00001", "train_3" and "train3" are shards.
    internal static bool Belongs(string stem, string split)
    {
        if (!stem.StartsWith(split, StringComparison.Ordinal))
        {
            return false;
        }
        ReadOnlySpan<char> rest = stem.AsSpan(split.Length);
        return rest.IsEmpty || rest[0] == '-' || char.IsAsciiDigit(rest[0])
            || (rest.Length > 1 && rest[0] == '_' && char.IsAsciiDigit(rest[1]));
    }

    internal static string Stem(string file) =>
        Path.GetFileNameWithoutExtension(InputFile.WithoutCompression(file));

    private static string Relative(string folder, string file) => Path.GetRelativePath(folder, file);

    private static List<string> DataFilesUnder(string folder)
    {
        var options = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 2, IgnoreInaccessible = true };
        return [.. Directory.EnumerateFiles(folder, "*", options).Where(file => RowSource.FormatOf(file) is not null)
            .Select(file => Relative(folder, file)).Order(StringComparer.Ordinal)];
    }
}
