using System.Diagnostics;

namespace Rm.Formats.Files;

/// <summary>
/// Names of the temporary folders beside a target, ".tmp-NAME-HOST-PID" and ".old-NAME-HOST-PID". The host is part of them because
/// on a cluster the folder is shared, and a process id means nothing on another node.
/// </summary>
internal readonly record struct SaveOwner(string Host, int ProcessId)
{
    public const string TemporaryPrefix = ".tmp-";
    public const string ReplacedPrefix = ".old-";

    public static SaveOwner Current { get; } = new(CleanHost(Environment.MachineName), Environment.ProcessId);

    public string TemporaryName(string name) => $"{TemporaryPrefix}{name}-{Host}-{ProcessId}";

    public string ReplacedName(string name) => $"{ReplacedPrefix}{name}-{Host}-{ProcessId}";

    /// <summary>The target's name and the owner of such a folder; false for any other folder.</summary>
    public static bool TryParse(string folder, out string name, out SaveOwner owner)
    {
        (name, owner) = ("", default);
        if (!folder.StartsWith(TemporaryPrefix, StringComparison.Ordinal) && !folder.StartsWith(ReplacedPrefix, StringComparison.Ordinal))
        {
            return false;
        }

        string body = folder[TemporaryPrefix.Length..];
        int pidAt = body.LastIndexOf('-');
        int hostAt = pidAt > 0 ? body.LastIndexOf('-', pidAt - 1) : -1;
        if (hostAt <= 0 || !int.TryParse(body.AsSpan(pidAt + 1), out int pid) || pid <= 0)
        {
            return false;
        }

        name = body[..hostAt];
        owner = new SaveOwner(body[(hostAt + 1)..pidAt], pid);
        return true;
    }

    /// <summary>True when a process of that id runs on this machine.</summary>
    public static bool IsAlive(int processId)
    {
        if (OperatingSystem.IsLinux())
        {
            return Directory.Exists($"/proc/{processId}");
        }

        try
        {
            using var process = Process.GetProcessById(processId);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    // A dash separates the parts.
    private static string CleanHost(string host) => host.Length == 0 ? "localhost" : host.Replace('-', '_').Replace('/', '_');
}
