using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Rm.Formats.Hub;

namespace Rm.Host.Tests.Hub;

/// <summary>
/// Plays a hub: repositories with the API, file addresses, headers and redirects of the public one. Large files come from a second server
/// at another port, as they come from a content network there.
/// </summary>
internal sealed class FakeHub : IDisposable
{
    private readonly ConcurrentDictionary<string, FakeRepo> _repos = new(StringComparer.Ordinal);

    public FakeHub()
    {
        Storage = new FakeServer(
            request => InterceptStorage?.Invoke(request) ?? Content(request, _repos.Values.SelectMany(repo => repo.Files.Values).First(
            content => request.Path == $"/{FakeRepo.Sha256(content)}")));
        Server = new FakeServer(request => Intercept?.Invoke(request) ?? Answer(request));
    }

    public FakeServer Server { get; }

    public FakeServer Storage { get; }

    /// <summary>Answers a request in the hub's stead; null leaves it to the hub.</summary>
    public Func<FakeRequest, FakeResponse?>? Intercept { get; set; }

    /// <summary>The same for the storage server.</summary>
    public Func<FakeRequest, FakeResponse?>? InterceptStorage { get; set; }

    /// <summary>Files to a page of the tree.</summary>
    public int PageSize { get; set; } = 1000;

    /// <summary>A repository; <paramref name="path"/> is "models/org/name", with "@revision" unless it is main.</summary>
    public FakeRepo Add(string path)
    {
        var repo = new FakeRepo(FakeRepo.Sha256(Encoding.UTF8.GetBytes(path))[..40]);
        _repos[path.Contains('@', StringComparison.Ordinal) ? path : $"{path}@main"] = repo;
        return repo;
    }

    /// <summary>Settings of a client of this hub that does not wait between attempts.</summary>
    public HubSettings Settings(string cache) => new(new Uri(Server.Address), cache)
    {
        RetryDelay = TimeSpan.FromMilliseconds(1),
        Timeout = TimeSpan.FromSeconds(30),
        Log = Log,
    };

    /// <summary>What the client told its user.</summary>
    public StringWriter Messages { get; } = new();

    /// <summary>GETs of file contents, by both servers.</summary>
    public int Downloads => Server.Requests.Count(r => r.Method == "GET" && r.Path.Contains("/resolve/", StringComparison.Ordinal));

    private TextWriter Log => TextWriter.Synchronized(Messages);

    public void Dispose()
    {
        Server.Dispose();
        Storage.Dispose();
    }

    /// <summary>A file, or the range of it that is asked for.</summary>
    public static FakeResponse Content(FakeRequest request, byte[] content)
    {
        if (request.Header("Range") is not { } range)
        {
            return new FakeResponse(200, content);
        }

        int start = int.Parse(range["bytes=".Length..].TrimEnd('-'), CultureInfo.InvariantCulture);
        return start >= content.Length
            ? FakeResponse.Text(416)
            : new FakeResponse(206, content[start..]).With("Content-Range", $"bytes {start}-{content.Length - 1}/{content.Length}");
    }

    private FakeResponse Answer(FakeRequest request)
    {
        string[] parts = request.Path.Trim('/').Split('/');
        if (parts[0] == "api")
        {
            string id = string.Join('/', parts[1..4]), rest = string.Join('/', parts[5..]);
            return parts[4] == "revision" ? Info($"{id}@{rest}") : Tree(request, id, rest);
        }

        bool isDataset = parts[0] == "datasets";
        int resolve = Array.IndexOf(parts, "resolve");
        string name = isDataset ? string.Join('/', parts[..3]) : $"models/{string.Join('/', parts[..2])}";
        FakeRepo? repo = _repos.FirstOrDefault(
            r => r.Key.StartsWith(name + "@", StringComparison.Ordinal) && r.Value.Commit == parts[resolve + 1]).Value;
        string file = string.Join('/', parts[(resolve + 2)..]);
        return repo is null ? FakeResponse.Text(404).With("X-Error-Code", "RepoNotFound")
            : repo.Files.TryGetValue(file, out byte[]? content) ? File(request, repo, file, content)
            : FakeResponse.Text(404).With("X-Error-Code", "EntryNotFound");
    }

    private FakeResponse Info(string key)
    {
        if (!_repos.TryGetValue(key, out FakeRepo? repo))
        {
            bool isKnown = _repos.Keys.Any(k => k.StartsWith(key.Split('@')[0] + "@", StringComparison.Ordinal));
            return FakeResponse.Text(404).With("X-Error-Code", isKnown ? "RevisionNotFound" : "RepoNotFound");
        }

        var siblings = new JsonArray([.. repo.Names.Select(name => new JsonObject { ["rfilename"] = name })]);
        var info = new JsonObject { ["id"] = key, ["sha"] = repo.Commit, ["siblings"] = siblings };
        if (repo.Configs is { } configs)
        {
            info["cardData"] = new JsonObject { ["configs"] = JsonNode.Parse(configs) };
        }

        return FakeResponse.Text(200, info.ToJsonString());
    }

    private FakeResponse Tree(FakeRequest request, string id, string commit)
    {
        FakeRepo? repo = _repos.FirstOrDefault(r => r.Key.StartsWith(id + "@", StringComparison.Ordinal) && r.Value.Commit == commit).Value;
        if (repo is null || repo.HasNoTree)
        {
            return FakeResponse.Text(404);
        }

        int start = request.Target.Split("cursor=") is [_, var cursor] ? int.Parse(cursor, CultureInfo.InvariantCulture) : 0;
        string[] names = [.. repo.Names];
        var page = new JsonArray([.. names.Skip(start).Take(PageSize).Select(repo.TreeEntry)]);
        var response = FakeResponse.Text(200, page.ToJsonString());
        return start + PageSize < names.Length
            ? response.With("Link", $"<{Server.Address}{request.Target.Split("&cursor=")[0]}&cursor={start + PageSize}>; rel=\"next\"")
            : response;
    }

    private FakeResponse File(FakeRequest request, FakeRepo repo, string file, byte[] content)
    {
        if (!FakeRepo.IsLarge(file))
        {
            return Content(request, content).With("ETag", $"\"{FakeRepo.GitHash(content)}\"").With("X-Repo-Commit", repo.Commit);
        }

        string hash = FakeRepo.Sha256(content);
        return FakeResponse.Text(302).With("Location", $"{Storage.Address}/{hash}?signed=yes").With("X-Repo-Commit", repo.Commit)
            .With("X-Linked-Etag", $"\"{hash}\"").With("X-Linked-Size", content.Length.ToString(CultureInfo.InvariantCulture))
            .With("ETag", "\"of-the-redirect\"");
    }
}
