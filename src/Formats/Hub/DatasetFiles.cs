using Rm.Formats.Splits;

namespace Rm.Formats.Hub;

/// <summary>
/// Chooses the files of a split out of a dataset's repository: by the configurations that its card declares, otherwise by names, as
/// <see cref="DatasetFolder"/> does for a local folder (<see cref="SplitFiles"/>).
/// </summary>
internal static class DatasetFiles
{
    private const string DefaultName = "default";

    /// <summary>
    /// The split's files, or null when the repository has none under such a name. Throws <see cref="UserInputException"/> that lists the
    /// possibilities when there is more than one.
    /// </summary>
    public static DatasetChoice? Choose(HubRepo repo, HubListing listing, string split, string? configuration)
    {
        string[] data = [.. listing.Files.Select(file => file.Path).Where(SplitFiles.IsData)];
        if (Declared(repo, listing.Configs, configuration) is { } declared)
        {
            IReadOnlyList<string> files = OfConfig(repo, declared, data, split);
            return files.Count > 0 ? new DatasetChoice(files) : null;
        }

        return ByName(repo, SplitFiles.Beneath(data, configuration), split);
    }

    /// <summary>The same for the branch of Parquet files that hubs make of a dataset: CONFIG/SPLIT/0000.parquet.</summary>
    public static DatasetChoice? ChooseConverted(HubRepo repo, HubListing listing, string split, string? configuration)
    {
        string[][] parts = [.. listing.Files.Select(file => file.Path).Where(SplitFiles.IsData).Select(path => path.Split('/'))
            .Where(path => path.Length == 3)];
        string[] names = [.. parts.Select(path => path[0]).Distinct(StringComparer.Ordinal)];
        string? name = configuration ?? (names.Length == 1 ? names[0] : names.FirstOrDefault(n => n == DefaultName));
        if (name is null && names.Length > 1)
        {
            throw Ambiguous(repo, names);
        }

        // Hubs convert only the first gigabytes of a large split, under this name.
        string[] splits = [split, $"partial-{split}"];
        string? found = splits.FirstOrDefault(s => parts.Any(path => path[0] == name && path[1] == s));
        return found is null ? null : new DatasetChoice(
            [.. parts.Where(path => path[0] == name && path[1] == found).Select(path => string.Join('/', path))],
            found == split ? null : $"the hub's Parquet copy holds only the first part of split '{split}'");
    }

    /// <summary>The data files of a listing and the declared configurations, for messages.</summary>
    public static string Describe(HubListing listing) =>
        (listing.Configs.Count > 0 ? $"Configurations: {Names.List([.. listing.Configs.Select(c => c.Name)])}. " : "")
        + $"Data files there: {Names.List([.. listing.Files.Select(file => file.Path).Where(SplitFiles.IsData)])}";

    private static DatasetConfig? Declared(HubRepo repo, IReadOnlyList<DatasetConfig> configs, string? name) => name is not null
        ? configs.FirstOrDefault(c => c.Name == name)
        : configs.Count <= 1
            ? configs.FirstOrDefault()
            : configs.FirstOrDefault(c => c.IsDefault) ?? configs.FirstOrDefault(c => c.Name == DefaultName)
                ?? throw Ambiguous(repo, [.. configs.Select(c => c.Name)]);

    private static UserInputException Ambiguous(HubRepo repo, IReadOnlyCollection<string> names) =>
        new($"{repo}: has several configurations: {Names.List(names)}. Choose one with --hf-config NAME.");

    private static IReadOnlyList<string> OfConfig(HubRepo repo, DatasetConfig config, string[] data, string split)
    {
        string folder = (config.Folder ?? "").Trim('/');
        string[] inside = folder is "" or "." ? data : [.. data.Where(path => path.StartsWith(folder + "/", StringComparison.Ordinal))];
        if (config.Files.Count == 0)
        {
            return ByName(repo, inside, split)?.Files ?? [];
        }

        string Pattern(string pattern) => folder is "" or "." ? pattern : $"{folder}/{pattern}";
        string[] Matching(DatasetConfigFiles files) =>
            [.. inside.Where(path => files.Patterns.Any(p => GlobPattern.IsMatch(p, path) || GlobPattern.IsMatch(Pattern(p), path)))];
        string[] named = [.. config.Files.Where(files => files.Split == split).SelectMany(Matching).Distinct(StringComparer.Ordinal)];
        if (named.Length > 0)
        {
            return named;
        }

        // Without splits in the card, names tell; files whose names tell nothing are training data.
        string[] open = [.. config.Files.Where(files => files.Split is null).SelectMany(Matching).Distinct(StringComparer.Ordinal)];
        return ByName(repo, open, split)?.Files ?? (split == "train" && config.Files.All(files => files.Split is null) ? open : []);
    }

    private static DatasetChoice? ByName(HubRepo repo, IReadOnlyCollection<string> data, string split) =>
        SplitFiles.Choose(data, split, sets => SeveralSets(repo, split, sets)) is { } choice
            ? new DatasetChoice(choice.Paths, choice.Note)
            : null;

    private static UserInputException SeveralSets(HubRepo repo, string split, IReadOnlyList<string> files) => new(
        $"{repo}: more than one set of files fits split '{split}': {Names.List(files)}. Fetch one of them and give it with --train-file "
            + $"or --eval-file.");
}
