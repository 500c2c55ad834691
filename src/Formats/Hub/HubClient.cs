using System.Runtime.InteropServices;

namespace Rm.Formats.Hub;

/// <summary>
/// Fetches files of a hub's repositories into the cache that the Python client uses too. Every failure is a <see
/// cref="UserInputException"/>; a signal that stops the process is an <see cref="IOException"/>.
/// </summary>
public sealed class HubClient : IDisposable
{
    // So that sums of sizes cannot overflow.
    private const long MaxFileBytes = 1L << 44;

    private readonly HubSettings _settings;
    private readonly HubHttp _http;
    private readonly HubApi _api;

    /// <summary>A client; nothing is requested yet.</summary>
    public HubClient(HubSettings settings)
    {
        _settings = settings;
        _http = new HubHttp(settings);
        _api = new HubApi(settings, _http);
    }

    /// <summary>What the hub has of a repository; null when <paramref name="isOptional"/> and it has no such revision.</summary>
    public HubListing? List(HubRepo repo, bool isOptional = false) => Run(repo, stop => _api.ListAsync(repo, isOptional, stop));

    /// <summary>
    /// What the cache has of a repository: the listing of the commit that its revision last pointed to, or null. Its files are there only
    /// as far as <see cref="Missing"/> does not name them.
    /// </summary>
    public HubListing? Cached(HubRepo repo) => Guard(repo, () => new HubCache(_settings, repo).Read());

    /// <summary>Those of the files that are not in the cache. Files that the listing does not have are missing.</summary>
    public IReadOnlyList<string> Missing(HubRepo repo, HubListing listing, IEnumerable<string> files) =>
        Guard<IReadOnlyList<string>>(repo, () =>
    {
        var cache = new HubCache(_settings, repo);
        return [.. files.Where(file => listing.Find(file) is not { } known || !cache.Has(listing.Commit, known))];
    });

    /// <summary>Path of a file in the cache.</summary>
    public string PathOf(HubRepo repo, HubListing listing, string file) =>
        new HubCache(_settings, repo).Pointer(listing.Commit, HubNames.CheckFile(file, repo.ToString()));

    /// <summary>Folder of a commit in the cache.</summary>
    public string FolderOf(HubRepo repo, HubListing listing) => new HubCache(_settings, repo).Snapshot(listing.Commit);

    /// <summary>Fetches those of the files that are not in the cache; all of them must be in the listing.</summary>
    public void Fetch(HubRepo repo, HubListing listing, IReadOnlyCollection<string> files) => Run(repo, async stop =>
    {
        var cache = new HubCache(_settings, repo);
        HubFile[] wanted = [.. files.Distinct(StringComparer.Ordinal)
            .Select(file => listing.Find(file) ?? throw new UserInputException($"{repo}: has no file {HubNames.Visible(file)}."))
            .Where(file => !cache.Has(listing.Commit, file))];
        if (wanted.Length > 0)
        {
            cache.Prepare();
            await FetchAsync(repo, listing.Commit, cache, wanted, stop).ConfigureAwait(false);
        }

        return true;
    });

    /// <summary>
    /// Ends a download: the revision points to the listing's commit from now on. <paramref name="absent"/> are files that were looked for
    /// and are not there.
    /// </summary>
    public void Complete(HubRepo repo, HubListing listing, IEnumerable<string> absent) => Guard(repo, () =>
    {
        var cache = new HubCache(_settings, repo);
        foreach (string file in absent)
        {
            cache.AddMissing(listing.Commit, file);
        }

        cache.Complete(listing);
        return true;
    });

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private async Task FetchAsync(HubRepo repo, string commit, HubCache cache, HubFile[] wanted, CancellationToken stop)
    {
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = _settings.Parallelism, CancellationToken = stop };
        var requests = new BlobDownload.Request[wanted.Length];
        await Parallel.ForAsync(0, wanted.Length, parallel, async (i, token) =>
        {
            HubFile file = wanted[i];
            HubApi.FileHead head = await _api.HeadAsync(repo, commit, file.Path, token).ConfigureAwait(false);
            long size = head.Size ?? file.Size
                ?? throw new UserInputException($"{repo}: {file.Path}: the server does not tell its size. Is HF_ENDPOINT a hub?");
            if (size > MaxFileBytes)
            {
                throw new UserInputException($"{repo}: {file.Path}: the server says it has {size} bytes, which cannot be.");
            }

            requests[i] =
                new BlobDownload.Request($"{repo}: {file.Path}", _api.FileAddress(repo, commit, file.Path), file, head.Etag, size);
        }).ConfigureAwait(false);

        // Files of the same content are one blob.
        BlobDownload.Request[] blobs = [.. requests.DistinctBy(request => request.Etag)];
        long bytes = RequireSpace(repo, cache, blobs);
        using var progress = new HubProgress(_settings, repo.ToString(), blobs.Length, bytes);
        progress.Begin();
        var download = new BlobDownload(_http, _settings, cache, progress);
        bool[] isNew = new bool[blobs.Length];
        await Parallel.ForAsync(0, blobs.Length, parallel, async (i, token) => isNew[i] = await download.RunAsync(
            blobs[i], answer => HubErrors.Of(answer, repo, _settings, blobs[i].File.Path), token).ConfigureAwait(false))
                .ConfigureAwait(false);

        // Links come after all contents: a snapshot never shows a part of what was asked for.
        for (int i = 0; i < requests.Length; i++)
        {
            BlobDownload.Request request = requests[i];
            bool isLast = !requests.Skip(i + 1).Any(later => later.Etag == request.Etag);
            using CacheLock held =
                await CacheLock.AcquireAsync(cache.Lock(request.Etag), request.What, _settings.Log, stop).ConfigureAwait(false);
            cache.AddPointer(commit, request.File.Path, request.Etag, isLast && isNew[Array.FindIndex(blobs, b => b.Etag == request.Etag)]);
        }

        progress.End();
    }

    private long RequireSpace(HubRepo repo, HubCache cache, BlobDownload.Request[] blobs)
    {
        long missing = 0, total = 0;
        foreach (BlobDownload.Request blob in blobs)
        {
            var partial = new FileInfo(Path.Combine(cache.Blobs, blob.Etag + ".incomplete"));
            total += blob.Size;
            missing += blob.Size - (partial.Exists ? Math.Min(partial.Length, blob.Size) : 0);
        }

        return _settings.FreeSpace(cache.Blobs) is { } free && free < missing
            ? throw new UserInputException(
                $"{repo}: {missing} bytes are to be fetched and {_settings.CacheFolder} has room for {free}. Make room, or set "
                    + $"HF_HUB_CACHE to a folder on another disk.")
            : total;
    }

    // SIGINT and SIGTERM end the download in order; what has arrived stays for the next time.
    private T Run<T>(HubRepo repo, Func<CancellationToken, Task<T>> work) => Guard(repo, () =>
    {
        using var stop = new CancellationTokenSource();
        void Stop(PosixSignalContext context)
        {
            context.Cancel = true;
            stop.Cancel();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        try
        {
            return Task.Run(() => work(stop.Token)).GetAwaiter().GetResult();
        }
        catch (OperationCanceledException e) when (stop.IsCancellationRequested)
        {
            throw new IOException($"{repo}: stopped. What has been fetched is kept; the same command goes on from there.", e);
        }
    });

    private T Guard<T>(HubRepo repo, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (IOException e) when (DiskSpace.IsFull(e))
        {
            throw new UserInputException(
                $"{repo}: no space left in {_settings.CacheFolder}. Make room, or set HF_HUB_CACHE to a folder on another disk; what was "
                    + $"fetched is kept.", e);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException { InnerException: not OperationCanceledException })
        {
            throw new UserInputException($"{repo}: the cache {_settings.CacheFolder} cannot be used ({e.Message}). Set HF_HUB_CACHE to a "
                + $"folder that can be written.", e);
        }
    }
}
