using Rm.Formats.Files;
using Rm.Formats.Safetensors;

namespace Rm.Formats.Hub;

/// <summary>
/// Turns what the user calls a model into a folder: a folder as it is, "org/name" or "org/name@revision" out of the cache or from the hub.
/// </summary>
public static class ModelResolver
{
    /// <summary>
    /// The folder. A local folder wins over a hub's repository of the same name; a complete snapshot in the cache wins over the network.
    /// Throws <see cref="UserInputException"/> that says what was looked for where.
    /// </summary>
    public static string Resolve(string nameOrFolder, ModelParts parts = ModelParts.All) =>
        LocalFolder(nameOrFolder) ?? Resolve(RequireRepo(nameOrFolder), parts, HubSettings.FromEnvironment());

    /// <summary>The same for a repository.</summary>
    public static string Resolve(HubRepo repo, ModelParts parts, HubSettings settings)
    {
        using var client = new HubClient(settings);
        HubListing? cached = client.Cached(repo);
        if (cached is not null && IsComplete(client, repo, cached, parts))
        {
            string folder = client.FolderOf(repo, cached);
            settings.Log.WriteLine($"{repo}: using the copy in {folder}.");
            return folder;
        }

        if (settings.Offline)
        {
            throw new UserInputException(
                $"{repo}: is not {(cached is null ? "" : "completely ")}in the cache {settings.CacheFolder}, nor a local folder, and "
                    + $"HF_HUB_OFFLINE forbids to fetch it. "
                + "Fetch it where there is a network, with the same HF_HUB_CACHE.");
        }

        HubListing listing = client.List(repo)!;
        client.Fetch(repo, listing, ModelFiles.Choose(repo, listing, parts));
        client.Fetch(repo, listing, Shards(client, repo, listing, parts));
        client.Complete(repo, listing, ModelFiles.Wanted(parts).Where(file => listing.Find(file) is null));
        return client.FolderOf(repo, listing);
    }

    private static string? LocalFolder(string name)
    {
        string folder = DurableDirectory.Resolve(name);
        return Directory.Exists(folder) ? folder : null;
    }

    private static HubRepo RequireRepo(string name) => HubRepo.Parse(HubRepoKind.Model, name)
        ?? throw new UserInputException(
            $"{name}: no such folder. Give the folder of a checkpoint, or a hub's repository as org/name or org/name@revision.");

    private static bool IsComplete(HubClient client, HubRepo repo, HubListing cached, ModelParts parts)
    {
        try
        {
            return client.Missing(repo, cached, ModelFiles.Choose(repo, cached, parts)).Count == 0
                && client.Missing(repo, cached, Shards(client, repo, cached, parts)).Count == 0;
        }
        catch (UserInputException)
        {
            // Only a part was ever fetched; what the repository really has is for the hub to say.
            return false;
        }
    }

    private static IReadOnlyList<string> Shards(HubClient client, HubRepo repo, HubListing listing, ModelParts parts) =>
        parts == ModelParts.All && listing.Find(SafetensorsCheckpoint.SingleFileName) is null
            ? ModelFiles.Shards(repo, listing, client.PathOf(repo, listing, SafetensorsCheckpoint.IndexFileName))
            : [];
}
