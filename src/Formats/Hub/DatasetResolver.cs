using Rm.Formats.Splits;

namespace Rm.Formats.Hub;

/// <summary>
/// Turns what the user calls a dataset into the local files of a split: a file or folder as it is, "org/name" or "org/name@revision" out of
/// the cache or from the hub.
/// </summary>
public static class DatasetResolver
{
    /// <summary>Revision under which hubs keep a dataset's Parquet copy.</summary>
    internal const string ConvertedRevision = "refs/convert/parquet";

    /// <summary>
    /// The split's files in reading order. What is there locally wins over a hub's repository of the same name; a complete split in the
    /// cache wins over the network. Throws <see cref="UserInputException"/> that lists the possibilities when the split or the
    /// configuration is not clear.
    /// </summary>
    /// <param name="nameOrFolder">File, folder or repository.</param>
    /// <param name="split">"train", "test", ...</param>
    /// <param name="configuration">Configuration or subfolder, or null.</param>
    public static IReadOnlyList<string> Resolve(string nameOrFolder, string split, string? configuration = null)
    {
        if (Directory.Exists(nameOrFolder))
        {
            return DatasetFolder.Find(nameOrFolder, split, configuration, Console.Error);
        }

        if (File.Exists(nameOrFolder))
        {
            return [nameOrFolder];
        }

        HubRepo repo = HubRepo.Parse(HubRepoKind.Dataset, nameOrFolder) ?? throw new UserInputException(
            $"{nameOrFolder}: no such file or folder. Give a data file, a folder, or a hub's dataset as org/name or org/name@revision.");
        return Resolve(repo, split, configuration, HubSettings.FromEnvironment());
    }

    /// <summary>The same for a repository.</summary>
    public static IReadOnlyList<string> Resolve(HubRepo repo, string split, string? configuration, HubSettings settings)
    {
        configuration = string.IsNullOrEmpty(configuration) ? null : configuration;
        using var client = new HubClient(settings);

        // The Parquet copy is of the default branch only.
        (HubRepo Repo, bool IsConverted)[] places = repo.Revision is null
            ? [(repo, false), (repo with { Revision = ConvertedRevision }, true)]
            : [(repo, false)];
        foreach ((HubRepo place, bool isConverted) in places)
        {
            if (client.Cached(place) is { } cached && Choose(repo, cached, split, configuration, isConverted) is { } choice
                && AllShards(choice.Files) && client.Missing(place, cached, choice.Files).Count == 0)
            {
                settings.Log.WriteLine($"{repo}: using the copy of split '{split}' in {client.FolderOf(place, cached)}.");
                return Use(client, place, cached, choice, settings);
            }
        }

        if (settings.DatasetsOffline)
        {
            throw new UserInputException(
                $"{repo}: split '{split}' is not in the cache {settings.CacheFolder}, nor is there a local folder, and "
                    + $"{(settings.Offline ? "HF_HUB_OFFLINE" : "HF_DATASETS_OFFLINE")} "
                + "forbids to fetch it. Fetch it where there is a network, with the same HF_HUB_CACHE.");
        }

        var seen = new List<HubListing>();
        foreach ((HubRepo place, bool isConverted) in places)
        {
            if (client.List(place, isOptional: isConverted) is not { } listing)
            {
                continue;
            }

            seen.Add(listing);
            if (Choose(repo, listing, split, configuration, isConverted) is { } choice)
            {
                client.Fetch(place, listing, choice.Files);
                client.Complete(place, listing, []);
                return Use(client, place, listing, choice, settings);
            }
        }

        string of = configuration is null ? "" : $" of configuration '{configuration}'";
        throw new UserInputException(
            $"{repo}: no data file of split '{split}'{of}. {string.Join(". In the Parquet copy: ", seen.Select(DatasetFiles.Describe))}.");
    }

    private static DatasetChoice? Choose(HubRepo repo, HubListing listing, string split, string? configuration, bool isConverted) =>
        isConverted
        ? DatasetFiles.ChooseConverted(repo, listing, split, configuration)
        : DatasetFiles.Choose(repo, listing, split, configuration);

    private static IReadOnlyList<string> Use(HubClient client, HubRepo repo, HubListing listing, DatasetChoice choice, HubSettings settings)
    {
        if (choice.Note is { } note)
        {
            settings.Log.WriteLine($"{repo.Id}: {note}.");
        }

        return [.. choice.Files.Select(file => client.PathOf(repo, listing, file))];
    }

    // A snapshot that another program fetched in part has no listing to say so, but shards tell how many they are: "train-00000-of-00004".
    private static bool AllShards(IReadOnlyList<string> files) =>
        files.GroupBy(ShardSet).All(set => set.Key is null || set.Count() >= set.Key.Value.Count);

    private static (string Prefix, int Count)? ShardSet(string file)
    {
        string stem = DatasetFolder.Stem(file[(file.LastIndexOf('/') + 1)..]);
        string[] parts = stem.Split('-');
        int of = Array.IndexOf(parts, "of");
        return of >= 2 && of + 1 < parts.Length && int.TryParse(parts[of + 1], out int count)
            ? ($"{file[..^(file.Length - file.LastIndexOf('/') - 1)]}{string.Join('-', parts[..(of - 1)])}", count)
            : null;
    }
}
