using System.Text.RegularExpressions;

namespace Rm.Formats.Hub;

/// <summary>
/// Where the hub and its cache are. The environment variables and their defaults are those of the Python client, so that one login and one
/// cache serve both: <see href="https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables"/>.
/// </summary>
/// <param name="Endpoint">Root address of the hub, without a slash at the end.</param>
/// <param name="CacheFolder">Folder that holds <c>models--org--name</c> and <c>datasets--org--name</c>.</param>
public sealed partial record HubSettings(Uri Endpoint, string CacheFolder)
{
    /// <summary>The public hub.</summary>
    public const string DefaultEndpoint = "https://huggingface.co";

    /// <summary>Access token, sent to <see cref="Endpoint"/> only; null for anonymous access.</summary>
    public string? Token { get; init; }

    /// <summary>Nothing is requested; only the cache is used.</summary>
    public bool Offline { get; init; }

    /// <summary>The same, for datasets only.</summary>
    public bool DatasetsOffline { get; init; }

    /// <summary>Snapshots link to blobs. Off, they hold the files themselves, as they do where links cannot be made.</summary>
    public bool UseSymlinks { get; init; } = true;

    /// <summary>Longest wait for the answer to a request, and for the next bytes of a body.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Wait before the first repetition of a failed request; it doubles up to thirty times this, less a random part.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often a request is tried while no bytes arrive.</summary>
    public int Attempts { get; init; } = 6;

    /// <summary>Files that are fetched at the same time.</summary>
    public int Parallelism { get; init; } = 8;

    /// <summary>Where messages and progress go.</summary>
    public TextWriter Log { get; init; } = TextWriter.Null;

    /// <summary>Whether progress is shown beside messages.</summary>
    public bool ShowProgress { get; init; } = true;

    /// <summary>Free bytes on the disk that holds a folder, or null when the system does not tell.</summary>
    internal Func<string, long?> FreeSpace { get; init; } = DiskSpace.FreeBytes;

    /// <summary>
    /// Settings of this process, with messages on stderr. Throws <see cref="UserInputException"/> that names the variable when a value
    /// makes no sense.
    /// </summary>
    public static HubSettings FromEnvironment() => From(Environment.GetEnvironmentVariable) with { Log = Console.Error };

    /// <summary>Settings out of variables.</summary>
    internal static HubSettings From(Func<string, string?> variable)
    {
        string? Get(params string[] names) => names.Select(variable).FirstOrDefault(v => !string.IsNullOrEmpty(v));
        bool On(params string[] names) => Get(names) is { } v && v.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE";
        string Folder(string value) => Expand(value, variable);

        string userCache = Get("XDG_CACHE_HOME") ?? Path.Combine(UserFolder(variable), ".cache");
        string home = Folder(Get("HF_HOME") ?? Path.Combine(userCache, "huggingface"));
        string cache = Folder(Get("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? Path.Combine(home, "hub"));
        string tokenFile = Folder(Get("HF_TOKEN_PATH") ?? Path.Combine(home, "token"));
        bool offline = On("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE");
        return new HubSettings(ParseEndpoint(Get("HF_ENDPOINT") ?? DefaultEndpoint), Path.GetFullPath(cache))
        {
            Token = On("HF_HUB_DISABLE_IMPLICIT_TOKEN") ? null : HubToken.Find(Get("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"), tokenFile),
            Offline = offline,
            DatasetsOffline = offline || On("HF_DATASETS_OFFLINE"),
            UseSymlinks = !On("HF_HUB_DISABLE_SYMLINKS"),
            ShowProgress = !On("HF_HUB_DISABLE_PROGRESS_BARS"),
            Timeout = ParseTimeout(Get("HF_HUB_DOWNLOAD_TIMEOUT")) ?? TimeSpan.FromSeconds(20),
        };
    }

    private static Uri ParseEndpoint(string text) =>
        Uri.TryCreate(text.TrimEnd('/'), UriKind.Absolute, out Uri? uri) && uri.Scheme is "http" or "https" && uri.Query.Length == 0
            && uri.Fragment.Length == 0 && uri.UserInfo.Length == 0
            ? uri
            : throw new UserInputException($"HF_ENDPOINT: '{text}' is no address of a hub. It looks like {DefaultEndpoint}.");

    private static TimeSpan? ParseTimeout(string? text) => text switch
    {
        null => null,
        _ when int.TryParse(text, out int seconds) && seconds is >= 1 and <= 86400 => TimeSpan.FromSeconds(seconds),
        _ => throw new UserInputException($"HF_HUB_DOWNLOAD_TIMEOUT: '{text}' must be a number of seconds, 1 to 86400."),
    };

    // "~", "$NAME" and "${NAME}" are expanded in folder names, as the Python client does; unknown variables stay as they are.
    private static string Expand(string path, Func<string, string?> variable)
    {
        if (path == "~" || path.StartsWith("~/", StringComparison.Ordinal))
        {
            path = UserFolder(variable) + path[1..];
        }

        return VariablePattern().Replace(path, match => variable(match.Groups[1].Value) ?? match.Value);
    }

    private static string UserFolder(Func<string, string?> variable) =>
        variable("HOME") is { Length: > 0 } home ? home : Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

    [GeneratedRegex(@"\$\{?(\w+)\}?")]
    private static partial Regex VariablePattern();
}
