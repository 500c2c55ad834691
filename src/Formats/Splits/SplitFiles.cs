using Rm.Formats.Rows;

namespace Rm.Formats.Splits;

/// <summary>The files of a split.</summary>
/// <param name="Paths">Relative paths with '/', in reading order.</param>
/// <param name="Note">What the user should know about the choice, or null.</param>
internal sealed record SplitChoice(IReadOnlyList<string> Paths, string? Note);

/// <summary>
/// Chooses the files of a split by their names, in a dataset's repository and in a folder alike. Folders that nothing declares as
/// configurations are parts of one dataset (the domains of SHP, the subsets of HH-RLHF) and are read one after the other, as the Python
/// datasets library does.
/// </summary>
internal static class SplitFiles
{
    // The configuration of a dataset that declares none.
    private const string DefaultName = "default";
    private const string Training = "train";

    private static readonly char[] Digits = [.. "0123456789"];

    // Words by which the Python datasets library tells a file's split.
    private static readonly string[] SplitWords =
        [Training, "training", "validation", "valid", "val", "dev", "test", "testing", "eval", "evaluation"];

    /// <summary>Whether a path is that of a data file; hidden ones and those of folders like "__MACOSX" are not.</summary>
    public static bool IsData(string path) =>
        RowSource.FormatOf(path) is not null && !path.Split('/').Any(part => part is "" || part[0] is '.' or '_');

    /// <summary>The files of a configuration: a folder, where no card declares it.</summary>
    public static string[] Beneath(string[] data, string? configuration) =>
        configuration is null or DefaultName && !data.Any(IsIn(configuration))
        ? data
        : [.. data.Where(IsIn(configuration))];

    /// <summary>
    /// The split's files, or null when there are none. <paramref name="severalSets"/> makes the error for files of which only some can be
    /// meant.
    /// </summary>
    public static SplitChoice? Choose(IEnumerable<string> data, string split, Func<IReadOnlyList<string>, UserInputException> severalSets)
    {
        string[] all = [.. data];
        if (split == Training && Unnamed(all) is { } unnamed)
        {
            return unnamed;
        }

        string[] fitting = [.. all.Where(path => IsOfSplit(path, split)).Order(StringComparer.Ordinal)];
        int depth = fitting.Length == 0 ? 0 : fitting.Min(Depth);

        // Files at the top are the dataset; the same names further down are other forms of it.
        string[] chosen = depth == 0 ? [.. fitting.Where(path => Depth(path) == 0)] : fitting;
        var folders = chosen.GroupBy(FolderOf)
            .Select(folder => (Name: folder.Key, Sets: folder.GroupBy(path => SetOf(path, split)).ToList())).ToList();
        if (folders.FirstOrDefault(folder => folder.Sets.Count > 1) is { Sets: { } sets } && sets.Count > 1)
        {
            throw severalSets([.. sets.Select(set => set.First())]);
        }

        if (depth == 0 && folders.Count > 1)
        {
            throw severalSets([.. folders.Select(folder => folder.Sets[0].First())]);
        }

        return folders.Count switch
        {
            0 => null,
            1 => new SplitChoice(chosen, null),
            _ => new SplitChoice(chosen, $"split '{split}' is in {folders.Count} folders, which are read one after the other: "
                + $"{Names.List([.. folders.Select(folder => folder.Name)])}; --hf-config NAME takes one"),
        };
    }

    // Where no name tells a split, everything is training data, as that library has it: the whole set in one folder.
    private static SplitChoice? Unnamed(string[] data) =>
        data.Any(TellsSplit) || data.Select(static path => (FolderOf(path), EndingOf(path))).Distinct().Count() != 1
            ? null
            : new SplitChoice(
                [.. data.Order(StringComparer.Ordinal)], $"no name tells a split, so {Names.List(data)} is read as split '{Training}'");

    private static bool TellsSplit(string path) =>
        path.Split('/', '-', '_', '.', ' ').Any(word => SplitWords.Contains(word.TrimEnd(Digits)))
            || StemOf(path).Contains("-of-", StringComparison.Ordinal);

    private static string EndingOf(string path) => path[(path.LastIndexOf('/') + 1 + StemOf(path).Length)..];

    private static string StemOf(string path) => DatasetFolder.Stem(path[(path.LastIndexOf('/') + 1)..]);

    private static Func<string, bool> IsIn(string? folder) => path =>
        path.StartsWith($"{folder}/", StringComparison.Ordinal) || path.StartsWith($"data/{folder}/", StringComparison.Ordinal);

    // "data" is the customary folder of a dataset without configurations and counts as the top.
    private static int Depth(string path) => FolderOf(path) is "" or "data" ? 0 : 1;

    private static string FolderOf(string path) => path.LastIndexOf('/') is var slash and >= 0 ? path[..slash] : "";

    private static (string Ending, bool IsWhole) SetOf(string path, string split) => (EndingOf(path), StemOf(path) == split);

    private static bool IsOfSplit(string path, string split) =>
        path.Split('/').SkipLast(1).Contains(split, StringComparer.Ordinal)
            || DatasetFolder.Belongs(StemOf(path), split);
}
