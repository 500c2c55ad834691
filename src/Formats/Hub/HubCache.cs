namespace Rm.Formats.Hub;

/// <summary>
/// A repository's part of the cache, in the layout that the Python client reads and writes:
/// <code>
/// models--org--name/blobs/ETAG                 contents, named by their ETag; ETAG.incomplete while they arrive
/// models--org--name/refs/main                  the commit that a branch or tag pointed to
/// models--org--name/snapshots/COMMIT/a/b.json  -> ../../../blobs/ETAG
/// models--org--name/.no_exist/COMMIT/c.json    empty: that file was asked for and is not there
/// .locks/models--org--name/ETAG.lock
/// </code>
/// Beside them <c>btrm-listings/COMMIT.json</c> holds what the repository has at a commit, so that files are chosen offline as they were
/// online.
/// </summary>
internal sealed class HubCache(HubSettings settings, HubRepo repo)
{
    private const int MaxRefBytes = 200;
    private const int MaxListingBytes = 256 << 20;

    private readonly string _folder = Path.Combine(settings.CacheFolder, repo.CacheName);

    /// <summary>Where the contents of files are.</summary>
    public string Blobs => Path.Combine(_folder, "blobs");

    /// <summary>Folder with the files of a commit.</summary>
    public string Snapshot(string commit) => Path.Combine(_folder, "snapshots", commit);

    /// <summary>A file of a commit. Its name has been checked.</summary>
    public string Pointer(string commit, string file) => Path.Combine([Snapshot(commit), .. file.Split('/')]);

    /// <summary>The lock over a blob.</summary>
    public string Lock(string etag) => Path.Combine(settings.CacheFolder, ".locks", repo.CacheName, $"{etag}.lock");

    /// <summary>True when a file of a commit is there, with the size that its listing tells.</summary>
    public bool Has(string commit, HubFile file)
    {
        var info = new FileInfo(Pointer(commit, file.Path));
        if (info.LinkTarget is not null)
        {
            info = info.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? info;
        }

        return info.Exists && (file.Size is not { } size || info.Length == size);
    }

    /// <summary>
    /// The listing of the commit that the revision last pointed to, or null when none is in the cache. Without a kept listing it is made of
    /// the files that are there.
    /// </summary>
    public HubListing? Read()
    {
        if (CachedCommit() is not { } commit || !Directory.Exists(Snapshot(commit)))
        {
            return null;
        }

        return ReadKept("btrm-listings", commit) ?? ReadKept("trees", commit)
            ?? HubListing.Create(commit, FilesThere(commit), [], Snapshot(commit));
    }

    /// <summary>Makes the folders for a commit's blobs, and marks the cache as one for backup tools.</summary>
    public void Prepare()
    {
        Directory.CreateDirectory(Blobs);
        string tag = Path.Combine(settings.CacheFolder, "CACHEDIR.TAG");
        if (!File.Exists(tag))
        {
            Replace(
                tag,
                "Signature: 8a477f597d28d172789f06886806bc55\n"u8
                + "# This folder is a cache of files from a hub; see https://bford.info/cachedir/\n"u8);
        }
    }

    /// <summary>Points a file of a commit to a blob; where links cannot be made it becomes the file itself.</summary>
    public void AddPointer(string commit, string file, string etag, bool isNewBlob)
    {
        string pointer = Pointer(commit, file);
        string blob = Path.Combine(Blobs, etag);
        string parent = Path.GetDirectoryName(pointer)!;
        Directory.CreateDirectory(parent);
        string temporary = Path.Combine(parent, $".{Guid.NewGuid():N}.tmp");
        try
        {
            if (settings.UseSymlinks && TryLink(temporary, Path.GetRelativePath(parent, blob)))
            {
                File.Move(temporary, pointer, overwrite: true);
            }
            else if (isNewBlob)
            {
                File.Move(blob, pointer, overwrite: true);
            }
            else
            {
                File.Copy(blob, temporary);
                File.Move(temporary, pointer, overwrite: true);
            }
        }
        finally
        {
            // Gone unless one of the moves failed.
            File.Delete(temporary);
        }
    }

    /// <summary>Remembers that a commit has no such file.</summary>
    public void AddMissing(string commit, string file)
    {
        string path = Path.Combine([_folder, ".no_exist", commit, .. file.Split('/')]);
        if (!File.Exists(path))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, []);
        }
    }

    /// <summary>
    /// Keeps a listing and lets the revision point to its commit: the last step, so that a revision never points to a commit whose files
    /// are still missing.
    /// </summary>
    public void Complete(HubListing listing)
    {
        Directory.CreateDirectory(Snapshot(listing.Commit));
        Replace(Path.Combine(_folder, "btrm-listings", $"{listing.Commit}.json"), ListingJson.WriteKept(listing));
        if (!string.Equals(repo.RevisionOrMain, listing.Commit, StringComparison.OrdinalIgnoreCase) && CachedCommit() != listing.Commit)
        {
            Replace(RefPath, System.Text.Encoding.ASCII.GetBytes(listing.Commit));
        }
    }

    private string RefPath => Path.Combine([_folder, "refs", .. repo.RevisionOrMain.Split('/')]);

    private string? CachedCommit()
    {
        if (HubNames.IsCommit(repo.RevisionOrMain))
        {
            return repo.RevisionOrMain.ToLowerInvariant();
        }

        var file = new FileInfo(RefPath);
        if (!file.Exists || file.Length > MaxRefBytes)
        {
            return null;
        }

        string commit = File.ReadAllText(RefPath).Trim();
        return HubNames.IsCommit(commit) ? commit : null;
    }

    private HubListing? ReadKept(string folder, string commit)
    {
        var file = new FileInfo(Path.Combine(_folder, folder, $"{commit}.json"));
        if (!file.Exists || file.Length > MaxListingBytes)
        {
            return null;
        }

        try
        {
            return ListingJson.Parse(File.ReadAllBytes(file.FullName), file.FullName, ListingJson.ReadKept) is { } kept
                ? HubListing.Create(commit, kept.Files, kept.Configs, file.FullName)
                : null;
        }
        catch (UserInputException e)
        {
            settings.Log.WriteLine($"{e.Message} The file is passed over.");
            return null;
        }
    }

    private IEnumerable<HubFile> FilesThere(string commit)
    {
        string snapshot = Snapshot(commit);
        var options = new EnumerationOptions
        {
            RecurseSubdirectories = true,
            MaxRecursionDepth = 16,
            AttributesToSkip = 0,
            IgnoreInaccessible = true
        };
        return Directory.EnumerateFiles(snapshot, "*", options).Where(File.Exists)
            .Select(path => new HubFile(Path.GetRelativePath(snapshot, path).Replace(Path.DirectorySeparatorChar, '/')));
    }

    private static bool TryLink(string link, string target)
    {
        try
        {
            File.CreateSymbolicLink(link, target);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return false;
        }
    }

    // By renaming, so that a reader sees the old content or the new one.
    private static void Replace(string path, ReadOnlySpan<byte> content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            File.WriteAllBytes(temporary, content);
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }
}
