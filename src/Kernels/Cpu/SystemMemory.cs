using System.Globalization;

namespace Rm.Kernels.Cpu;

/// <summary>
/// The system's memory that this process may still take: what the kernel calls available, or what is left to its control groups
/// (containers, Slurm jobs), whichever is less.
/// </summary>
internal static class SystemMemory
{
    private const string ControlGroups = "/sys/fs/cgroup";

    /// <summary>Bytes that are free now.</summary>
    public static long Free
    {
        get
        {
            if (!OperatingSystem.IsLinux())
            {
                GCMemoryInfo info = GC.GetGCMemoryInfo();
                return Math.Max(0, info.TotalAvailableMemoryBytes - info.MemoryLoadBytes);
            }

            return Math.Min(Available(), LeftToGroups(ControlGroups, ReadOrEmpty("/proc/self/cgroup")));
        }
    }

    /// <summary>
    /// Least that any control group of the process, or one around it, leaves: its limit less what it uses, files in cache not counted,
    /// since they make room. <see cref="long.MaxValue"/> without limits.
    /// </summary>
    /// <param name="root">Where control groups are mounted.</param>
    /// <param name="membership">The text of /proc/self/cgroup: lines of hierarchy, controllers and path, apart by colons.</param>
    internal static long LeftToGroups(string root, string membership)
    {
        long least = long.MaxValue;
        foreach (string line in membership.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] fields = line.Split(':', 3);
            bool unified = fields.Length == 3 && fields[1].Length == 0;
            if (fields.Length != 3 || !(unified || fields[1].Split(',').Contains("memory", StringComparer.Ordinal)))
            {
                continue;
            }

            string mount = unified ? root : Path.Combine(root, "memory");
            string[] names = unified
                ? ["memory.max", "memory.current", "inactive_file"]
                : ["memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"];
            for (string? path = fields[2].TrimEnd('\r').Trim('/'); path is not null; path = path.Length == 0 ? null
                : Path.GetDirectoryName(path) ?? "")
            {
                string folder = Path.Combine(mount, path);
                if (Number(ReadOrEmpty(Path.Combine(folder, names[0]))) is { } limit
                    && Number(ReadOrEmpty(Path.Combine(folder, names[1]))) is { } used)
                {
                    long cached = Field(ReadOrEmpty(Path.Combine(folder, "memory.stat")), names[2]) ?? 0;
                    least = Math.Min(least, Math.Max(0, limit - Math.Max(0, used - cached)));
                }
            }
        }

        return least;
    }

    // "MemAvailable:   12345 kB"; kernels since 3.14 have it.
    private static long Available() =>
        Field(ReadOrEmpty("/proc/meminfo"), "MemAvailable:") is { } kilobytes ? kilobytes << 10 : long.MaxValue;

    private static long? Field(string text, string name)
    {
        foreach (string line in text.Split('\n'))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 2 && words[0] == name)
            {
                return Number(words[1]);
            }
        }

        return null;
    }

    // "max" is no number: no limit.
    private static long? Number(string text) =>
        long.TryParse(text.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : null;

    private static string ReadOrEmpty(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllText(path) : "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
