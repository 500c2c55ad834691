using Rm.Formats.Files;

namespace Rm.Formats.Splits;

/// <summary>
/// Finds the files of a split in a folder laid out as dataset hubs do: <c>train.jsonl</c>, <c>train-00000-of-00002.jsonl</c>,
/// the same under <c>data/</c>, or under a folder per configuration or per part of the dataset.
/// </summary>
public static class DatasetFolder
{
    // Deeper than any layout that hubs use; keeps a folder such as a home directory from being searched whole.
    private const int MaxDepth = 3;

    /// <summary>
    /// Paths of the split's files, shards and folders in ordinal order of their names. Without <paramref name="configuration"/>, files at
    /// the top are taken, otherwise those of all subfolders, which is said on <paramref name="log"/>. Throws <see
    /// cref="UserInputException"/> listing what is there when nothing fits or when files do that cannot all be meant.
    /// </summary>
    public static IReadOnlyList<string> Find(string folder, string split, string? configuration = null, TextWriter? log = null)
    {
        if (!Directory.Exists(folder))
        {
            throw new UserInputException($"{folder}: no such folder.");
        }

        try
        {
            return FindIn(folder, split, string.IsNullOrEmpty(configuration) ? null : configuration, log);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UserInputException($"{folder}: cannot be listed ({e.Message}).", e);
        }
    }

    private static IReadOnlyList<string> FindIn(string folder, string split, string? configuration, TextWriter? log)
    {
        string of = configuration is null ? "" : $" of configuration '{configuration}'";
        string[] data = DataFilesUnder(folder);
        SplitChoice choice = SplitFiles.Choose(SplitFiles.Beneath(data, configuration), split, SeveralSets) ?? throw new UserInputException(
            $"{folder}: no data file of split '{split}'{of}. Data files there: {Names.List(data)}.");
        if (choice.Note is { } note)
        {
            log?.WriteLine($"{folder}: {note}.");
        }

        return [.. choice.Paths.Select(path => Path.Combine(folder, path))];

        UserInputException SeveralSets(IReadOnlyList<string> files) => new(
            $"{folder}: more than one set of files fits split '{split}'{of}: {Names.List(files)}. Name the configuration's folder, or one "
                + $"data file.");
    }

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

    private static string[] DataFilesUnder(string folder)
    {
        var options = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = MaxDepth, IgnoreInaccessible = true };
        return [.. Directory.EnumerateFiles(folder, "*", options)
            .Select(file => Path.GetRelativePath(folder, file).Replace(Path.DirectorySeparatorChar, '/'))
            .Where(SplitFiles.IsData).Order(StringComparer.Ordinal)];
    }
}
