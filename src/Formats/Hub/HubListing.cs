namespace Rm.Formats.Hub;

/// <summary>The files of a repository at a commit.</summary>
/// <param name="Commit">Full hash of the commit.</param>
/// <param name="Files">The files, by ordinal order of their paths.</param>
/// <param name="Configs">Configurations that a dataset's card declares; empty when it declares none.</param>
public sealed record HubListing(string Commit, IReadOnlyList<HubFile> Files, IReadOnlyList<DatasetConfig> Configs)
{
    /// <summary>Most files that a repository may have; a bound on what a hostile listing can cost.</summary>
    internal const int MaxFiles = 200_000;

    /// <summary>
    /// A listing with checked names in order. Throws <see cref="UserInputException"/> on a name that must not become a path; of a name that
    /// comes twice, the first counts.
    /// </summary>
    internal static HubListing Create(string commit, IEnumerable<HubFile> files, IReadOnlyList<DatasetConfig> configs, string where)
    {
        if (!HubNames.IsCommit(commit))
        {
            throw new UserInputException(
                $"{where}: the server names no commit for it but '{HubNames.Visible(commit)}'. Is HF_ENDPOINT a hub?");
        }

        var byPath = new SortedDictionary<string, HubFile>(StringComparer.Ordinal);
        foreach (HubFile file in files)
        {
            byPath.TryAdd(HubNames.CheckFile(file.Path, where), file);
            if (byPath.Count > MaxFiles)
            {
                throw new UserInputException($"{where}: has more than {MaxFiles} files. Fetch what you need yourself and give its folder.");
            }
        }

        if (byPath.Keys.SelectMany(FoldersOf).FirstOrDefault(byPath.ContainsKey) is { } both)
        {
            throw new UserInputException(
                $"{where}: lists '{HubNames.Visible(both)}' as a file and as a folder. Do not trust this repository.");
        }

        return new HubListing(commit.ToLowerInvariant(), [.. byPath.Values], configs);
    }

    private static IEnumerable<string> FoldersOf(string path)
    {
        for (int i = path.IndexOf('/', StringComparison.Ordinal); i >= 0; i = path.IndexOf('/', i + 1))
        {
            yield return path[..i];
        }
    }

    /// <summary>The file of that path, or null.</summary>
    internal HubFile? Find(string path) => Files.FirstOrDefault(file => file.Path == path);
}
