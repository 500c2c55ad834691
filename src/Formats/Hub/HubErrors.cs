using System.Net;

namespace Rm.Formats.Hub;

/// <summary>What an answer that is no success means to the user.</summary>
internal static class HubErrors
{
    /// <summary>The error for an answer about a repository, or about one of its files.</summary>
    public static UserInputException Of(HttpResponseMessage response, HubRepo repo, HubSettings settings, string? file = null)
    {
        string code = Header(response, "X-Error-Code");
        int status = (int)response.StatusCode;
        string page = $"{settings.Endpoint.AbsoluteUri.TrimEnd('/')}/{repo.PagePath}";
        string login = settings.Token is null
            ? "set HF_TOKEN to a token with access"
            : "the token in use has no access: set HF_TOKEN to one that has";
        string kind = repo.Kind == HubRepoKind.Model ? "model" : "dataset";
        return new UserInputException((status, code) switch
        {
            (_, "GatedRepo") => $"{repo}: is gated. Accept its terms at {page}, then {login}.",
            (_, "RevisionNotFound") => $"{repo}: has no revision '{repo.RevisionOrMain}'. Name a branch, tag or commit after '@'.",
            (_, "EntryNotFound") when file is not null => $"{repo}: has no file {file}.",
            (404, _) or (_, "RepoNotFound") => file is null
                ? $"{repo}: no such {kind} at {settings.Endpoint.Host}, nor a local folder of that name. Check the spelling; if it is "
                    + $"private, {login}."
                : $"{repo}: {file} is not there although it is listed.",
            (401, _) =>
                $"{repo}: is private, gated or does not exist at {settings.Endpoint.Host} (401). Check the name; if it is right, {login}.",
            (403, _) => $"{repo}: access is refused (403{Message(response)}). Look at {page}; then {login}.",
            ( >= 300 and < 400, _) => $"{repo}: the server redirects to nowhere ({status}). Check HF_ENDPOINT.",
            _ => $"{repo}: the server answers {status} {(HttpStatusCode)status}{Message(response)}{(file is null ? "" : $" for {file}")}. "
                + $"Check HF_ENDPOINT.",
        });
    }

    private static string Message(HttpResponseMessage response) =>
        Header(response, "X-Error-Message") is { Length: > 0 } text ? $": {text}" : "";

    private static string Header(HttpResponseMessage response, string name) =>
        response.Headers.TryGetValues(name, out IEnumerable<string>? values) ? HubNames.Visible(values.FirstOrDefault() ?? "") : "";
}
