namespace Rm.Host.Tests.EndToEnd;

/// <summary>A folder of its own for one test, in memory where the machine has such a place: these tests save often, and each save waits for the disk.</summary>
internal sealed class ScratchFolder : IDisposable
{
    private const string Memory = "/dev/shm";

    public ScratchFolder()
    {
        string parent = Directory.Exists(Memory) && !OperatingSystem.IsWindows() ? Memory : Path.GetTempPath();
        FolderPath = Path.Combine(parent, $"btrm-e2e-{Environment.ProcessId}-{Guid.NewGuid():N}");
        Directory.CreateDirectory(FolderPath);
    }

    public string FolderPath { get; }

    public string this[string name] => Path.Combine(FolderPath, name);

    public string Write(string name, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(this[name])!);
        File.WriteAllText(this[name], content);
        return this[name];
    }

    public void Dispose() => Directory.Delete(FolderPath, recursive: true);
}
