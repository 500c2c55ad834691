namespace Rm.Formats.Hub;

/// <summary>What a repository holds; it decides addresses and folder names.</summary>
public enum HubRepoKind
{
    /// <summary>A model or an adapter.</summary>
    Model,

    /// <summary>A dataset.</summary>
    Dataset,
}

/// <summary>A repository of the hub at a branch, tag or commit.</summary>
/// <param name="Kind">Model or dataset.</param>
/// <param name="Id">"org/name".</param>
/// <param name="Revision">Branch, tag or commit; null for the default branch.</param>
public sealed record HubRepo(HubRepoKind Kind, string Id, string? Revision = null)
{
    /// <summary>The default branch.</summary>
    public const string MainBranch = "main";

    private const int MaxIdLength = 96;
    private const int MaxRevisionLength = 200;

    /// <summary>The revision, written out.</summary>
    public string RevisionOrMain => Revision ?? MainBranch;

    /// <summary>Name of its folder in the cache.</summary>
    internal string CacheName =>
        $"{(Kind == HubRepoKind.Model ? "models" : "datasets")}--{Id.Replace("/", "--", StringComparison.Ordinal)}";

    /// <summary>First part of its addresses under /api.</summary>
    internal string ApiPath => $"{(Kind == HubRepoKind.Model ? "models" : "datasets")}/{Id}";

    /// <summary>First part of its files' addresses, and of its page.</summary>
    internal string PagePath => Kind == HubRepoKind.Model ? Id : $"datasets/{Id}";

    /// <summary>The repository that "org/name" or "org/name@revision" names, or null when the text is neither.</summary>
    public static HubRepo? Parse(HubRepoKind kind, string text)
    {
        string[] parts = text.Split('@', 2);
        string[] names = parts[0].Split('/');
        return parts[0].Length <= MaxIdLength && names.Length == 2 && names.All(IsName) && (parts.Length == 1 || IsRevision(parts[1]))
            ? new HubRepo(kind, parts[0], parts.Length == 2 ? parts[1] : null)
            : null;
    }

    /// <inheritdoc/>
    public override string ToString() => Revision is null ? Id : $"{Id}@{Revision}";

    // The hub's own rule. "--" is what the cache's folder names write for "/".
    private static bool IsName(string name) =>
        name.Length > 0 && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
            && !"-.".Contains(name[0], StringComparison.Ordinal)
        && !"-.".Contains(name[^1], StringComparison.Ordinal) && !name.Contains("--", StringComparison.Ordinal)
        && !name.Contains("..", StringComparison.Ordinal) && !name.EndsWith(".git", StringComparison.Ordinal);

    // It becomes a path under refs/.
    private static bool IsRevision(string revision) =>
        revision.Length is > 0 and <= MaxRevisionLength
            && revision.All(c => char.IsAsciiLetterOrDigit(c) || "-_.+/".Contains(c, StringComparison.Ordinal))
        && revision.Split('/').All(part => part.Length > 0 && part[0] != '.' && part[^1] != '.');
}
