
namespace Rm.Formats.Hub;

/// <summary>
/// Names that a server chose and that become paths. Whatever could leave the repository's folder, or mean something else on another system,
/// is a named error.
/// </summary>
internal static class HubNames
{
    private const int MaxPathLength = 1024;
    private const int MaxSegmentLength = 255;
    private const int MaxEtagLength = 200;

    private static readonly string[] Devices = ["CON", "PRN", "AUX", "NUL"];

    /// <summary>Checks a file's path in a repository: relative, with "/" between its parts.</summary>
    public static string CheckFile(string path, string where)
    {
        if (FaultOf(path) is { } fault)
        {
            throw new UserInputException(
                $"{where}: lists a file {Names.List([Visible(path)])}, {fault}. Nothing was written; do not trust this repository.");
        }

        return path;
    }

    /// <summary>An ETag header as a file name: without quotes and the mark of a weak one.</summary>
    public static string CheckEtag(string? header, string where)
    {
        string etag = header ?? "";
        etag = (etag.StartsWith("W/", StringComparison.Ordinal) ? etag[2..] : etag).Trim('"');
        bool isGood = etag.Length is > 0 and <= MaxEtagLength && etag[0] != '.'
            && etag.All(c => char.IsAsciiLetterOrDigit(c) || "-_.+=@~,".Contains(c, StringComparison.Ordinal));
        return isGood ? etag : throw new UserInputException(
            header is null
                ? $"{where}: the server sends no ETag, which the cache needs as a name. Is HF_ENDPOINT a hub?"
                : $"{where}: the server's ETag {Names.List([Visible(header)])} cannot be a file name. Do not trust this server.");
    }

    /// <summary>True for the full hash of a commit.</summary>
    public static bool IsCommit(string text) => text.Length is 40 or 64 && text.All(char.IsAsciiHexDigit);

    /// <summary>Text of a server in a message: control characters are shown as "?".</summary>
    public static string Visible(string text)
    {
        string shown = text.Length <= 300 ? text : string.Concat(text.AsSpan(0, 297), "...");
        return string.Concat(shown.Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c));
    }

    private static string? FaultOf(string path)
    {
        if (path.Length is 0 or > MaxPathLength)
        {
            return path.Length == 0 ? "which is no name" : "whose name is too long";
        }

        if (path.Any(char.IsControl) || path.Contains('\\', StringComparison.Ordinal))
        {
            return "with characters that no path may have";
        }

        if (path[0] == '/' || (path.Length > 1 && path[1] == ':'))
        {
            return "an absolute path";
        }

        string[] parts = path.Split('/');
        if (parts.Any(part => part is "" or "." or ".."))
        {
            return "which leads out of the repository's folder";
        }

        if (parts.Any(part => part.Length > MaxSegmentLength))
        {
            return "whose name is too long";
        }

        return OperatingSystem.IsWindows() && parts.Any(IsSpecialOnWindows) ? "a name that Windows cannot store" : null;
    }

    private static bool IsSpecialOnWindows(string part)
    {
        string stem = part.Split('.')[0].TrimEnd();
        return part.Any(c => "<>:\"|?*".Contains(c, StringComparison.Ordinal)) || part[^1] is '.' or ' '
            || Devices.Contains(stem, StringComparer.OrdinalIgnoreCase)
            || (stem.Length == 4 && char.IsAsciiDigit(stem[3]) && (stem[..3].ToUpperInvariant() is "COM" or "LPT"));
    }
}
