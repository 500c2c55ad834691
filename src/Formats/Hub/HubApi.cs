using System.Net;

namespace Rm.Formats.Hub;

/// <summary>The questions that btrm asks a hub: what a repository holds, and what a file is.</summary>
internal sealed class HubApi(HubSettings settings, HubHttp http)
{
    // A page has up to 1,000 files.
    private const int MaxPages = 1000;

    /// <summary>What a file is called in the cache, and how long it is.</summary>
    public sealed record FileHead(string Etag, long? Size);

    /// <summary>
    /// The files of a repository at a revision; null when <paramref name="isOptional"/> and there is no such repository or revision. Throws
    /// <see cref="UserInputException"/>.
    /// </summary>
    public async Task<HubListing?> ListAsync(HubRepo repo, bool isOptional, CancellationToken stop)
    {
        string where = repo.ToString();
        byte[]? info = (
            await GetAsync(repo, http.Address($"api/{repo.ApiPath}/revision/{Uri.EscapeDataString(repo.RevisionOrMain)}"), isOptional, stop)
            .ConfigureAwait(false))?.Body;
        if (info is null)
        {
            return null;
        }

        (string commit, IReadOnlyList<HubFile> siblings, IReadOnlyList<DatasetConfig> configs) =
            ListingJson.Parse(info, where, ListingJson.ReadInfo);
        if (!HubNames.IsCommit(commit))
        {
            return HubListing.Create(commit, [], configs, where);
        }

        // The tree tells sizes and hashes too; a mirror may have names alone.
        IReadOnlyList<HubFile>? tree = await TreeAsync(repo, commit, stop).ConfigureAwait(false);
        return HubListing.Create(commit, tree ?? siblings, configs, where);
    }

    /// <summary>Asks for a file's headers. Throws <see cref="UserInputException"/>.</summary>
    public Task<FileHead> HeadAsync(HubRepo repo, string commit, string file, CancellationToken stop) =>
        http.RetryAsync($"{repo}: {file}", async () =>
    {
        string? etag = null;
        long? size = null;
        void Note(HttpResponseMessage answer)
        {
            etag ??= Header(answer, "X-Linked-Etag");
            size ??= long.TryParse(Header(answer, "X-Linked-Size"), out long linked) && linked >= 0 ? linked : null;
        }

        // A large file redirects to a storage server whose own ETag is another one: what the hub says counts and nothing is asked there.
        using HttpResponseMessage response = await http.SendAsync(HttpMethod.Head, FileAddress(repo, commit, file), 0, (answer, _) =>
        {
            Note(answer);
            return etag is null;
        }, stop).ConfigureAwait(false);
        Note(response);
        if (!response.IsSuccessStatusCode && etag is null)
        {
            throw HubErrors.Of(response, repo, settings, file);
        }

        if (etag is null)
        {
            etag = Header(response, "ETag");
            size ??= response.Content.Headers.ContentLength;
        }
        else if (response.IsSuccessStatusCode)
        {
            size ??= response.Content.Headers.ContentLength;
        }

        return new FileHead(HubNames.CheckEtag(etag, $"{repo}: {file}"), size);
    }, stop);

    /// <summary>Address of a file at a commit.</summary>
    public Uri FileAddress(HubRepo repo, string commit, string file) =>
        http.Address($"{repo.PagePath}/resolve/{commit}/{string.Join('/', file.Split('/').Select(Uri.EscapeDataString))}");

    private async Task<IReadOnlyList<HubFile>?> TreeAsync(HubRepo repo, string commit, CancellationToken stop)
    {
        var files = new List<HubFile>();
        Uri? address = http.Address($"api/{repo.ApiPath}/tree/{commit}?recursive=true&expand=false");
        for (int page = 0; address is not null; page++)
        {
            if (page >= MaxPages || files.Count > HubListing.MaxFiles)
            {
                throw new UserInputException($"{repo}: its list of files does not end. Fetch what you need yourself and give its folder.");
            }

            if (await GetAsync(repo, address, isOptional: page == 0, stop).ConfigureAwait(false) is not { } answer)
            {
                return null;
            }

            files.AddRange(ListingJson.Parse(answer.Body, repo.ToString(), ListingJson.ReadTree));
            address = answer.Next;
        }

        return files;
    }

    private Task<(byte[] Body, Uri? Next)?> GetAsync(HubRepo repo, Uri address, bool isOptional, CancellationToken stop) =>
        http.RetryAsync<(byte[] Body, Uri? Next)?>(repo.ToString(), async () =>
        {
            using HttpResponseMessage response =
                await http.SendAsync(HttpMethod.Get, address, 0, (_, _) => true, stop).ConfigureAwait(false);
            if (isOptional && response.StatusCode is HttpStatusCode.NotFound)
            {
                return null;
            }

            if (!response.IsSuccessStatusCode)
            {
                throw HubErrors.Of(response, repo, settings);
            }

            byte[] body = await http.ReadAllAsync(response, stop).ConfigureAwait(false);
            return (body, NextPage(response, address));
        }, stop);

    // Link: <address>; rel="next"
    private static Uri? NextPage(HttpResponseMessage response, Uri address)
    {
        if (!response.Headers.TryGetValues("Link", out IEnumerable<string>? links))
        {
            return null;
        }

        string? link =
            links.SelectMany(value => value.Split(',')).FirstOrDefault(value => value.Contains("rel=\"next\"", StringComparison.Ordinal));
        int open = link?.IndexOf('<', StringComparison.Ordinal) ?? -1, close = link?.IndexOf('>', StringComparison.Ordinal) ?? -1;
        return open >= 0 && close > open && Uri.TryCreate(address, link![(open + 1)..close], out Uri? next)
            && next.Authority == address.Authority
            ? next
            : null;
    }

    private static string? Header(HttpResponseMessage response, string name) =>
        response.Headers.NonValidated.TryGetValues(name, out System.Net.Http.Headers.HeaderStringValues values)
            ? values.FirstOrDefault()
            : null;
}
