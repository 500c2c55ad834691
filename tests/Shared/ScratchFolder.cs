using System.IO.Compression;
using System.Text;

namespace Rm.Tests;

/// <summary>
/// A folder of its own for one test, in memory where the machine has such a place: many tests save often, and each save waits for the disk.
/// </summary>
internal sealed class ScratchFolder : IDisposable
{
    private const string Memory = "/dev/shm";

    public ScratchFolder()
    {
        string parent = Directory.Exists(Memory) && !OperatingSystem.IsWindows() ? Memory : System.IO.Path.GetTempPath();
        Path = System.IO.Path.Combine(parent, $"btrm-test-{Environment.ProcessId}-{Guid.NewGuid():N}");
        Directory.CreateDirectory(Path);
    }

    public string Path { get; }

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public string Write(string name, string content) => Write(name, Encoding.UTF8.GetBytes(content));

    /// <summary>Writes a file and the folders on the way to it; what is called .gz is compressed.</summary>
    public string Write(string name, byte[] content) =>
        WriteRaw(name, name.EndsWith(".gz", StringComparison.Ordinal) ? Gzip(content) : content);

    /// <summary>Bytes as they are, whatever the name.</summary>
    public string WriteRaw(string name, byte[] content)
    {
        string path = this[name];
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, content);
        return path;
    }

    public static byte[] Gzip(byte[] bytes)
    {
        using var target = new MemoryStream();
        using (var gzip = new GZipStream(target, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        return target.ToArray();
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
