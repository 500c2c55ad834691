using System.Text.Json;
using Rm.Host.Checkpoints;

namespace Rm.Host.Training;

/// <summary>What to do with an output directory that already holds a run.</summary>
public enum ExistingRun
{
    /// <summary>Refuse it.</summary>
    Refuse,

    /// <summary>Go on from its newest checkpoint.</summary>
    Resume,

    /// <summary>Remove its files first.</summary>
    Overwrite,
}

/// <summary>
/// A run's output: <c>run.json</c>, <c>metrics.jsonl</c>, <c>samples.jsonl</c>, <c>checkpoints/</c>, <c>best/</c>, <c>final/</c>. Only one process at
/// a time may hold it; the lock goes with the process, however it ends.
/// </summary>
public sealed class RunDirectory : IDisposable
{
    /// <summary>Name of the file with the resolved configuration.</summary>
    public const string RunFileName = "run.json";

    private const string LockFileName = ".lock";
    private static readonly string[] Files = [RunFileName, "metrics.jsonl", "samples.jsonl", "result.json"];
    private static readonly string[] Folders = ["checkpoints", "best", "final"];

    private readonly FileStream _lock;

    private RunDirectory(string path, FileStream lockFile)
    {
        FolderPath = path;
        _lock = lockFile;
    }

    /// <summary>The directory.</summary>
    public string FolderPath { get; }

    /// <summary>run.json.</summary>
    public string RunFile => Path.Combine(FolderPath, RunFileName);

    /// <summary>metrics.jsonl.</summary>
    public string MetricsFile => Path.Combine(FolderPath, "metrics.jsonl");

    /// <summary>samples.jsonl.</summary>
    public string SamplesFile => Path.Combine(FolderPath, "samples.jsonl");

    /// <summary>result.json: the figures at the end.</summary>
    public string ResultFile => Path.Combine(FolderPath, "result.json");

    /// <summary>Checkpoints to resume from.</summary>
    public string Checkpoints => Path.Combine(FolderPath, "checkpoints");

    /// <summary>The best model.</summary>
    public string Best => Path.Combine(FolderPath, "best");

    /// <summary>The model after the last step.</summary>
    public string Final => Path.Combine(FolderPath, "final");

    /// <summary>Whether the directory holds a run.</summary>
    public bool HoldsRun => File.Exists(RunFile) || Folders.Any(f => Directory.Exists(Path.Combine(FolderPath, f)));

    /// <summary>Takes the directory for this process. Throws <see cref="UserInputException"/> when it may not be used.</summary>
    public static RunDirectory Open(string path, ExistingRun existing)
    {
        FileStream lockFile;
        try
        {
            Directory.CreateDirectory(path);
            lockFile = new FileStream(Path.Combine(path, LockFileName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UserInputException(
                File.Exists(Path.Combine(path, LockFileName))
                    ? $"--output-dir {path}: another btrm process is writing there. Wait for it or choose another folder."
                    : $"--output-dir {path}: cannot be created or written ({e.Message}).",
                e);
        }

        var directory = new RunDirectory(path, lockFile);
        try
        {
            directory.Admit(existing);
            return directory;
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Throws <see cref="UserInputException"/> when the run on disk was made with other settings than <paramref name="settings"/>; names each. A
    /// resumed run must compute what the first one would have.
    /// </summary>
    public void RequireSameSettings(IReadOnlyDictionary<string, string> settings)
    {
        if (!File.Exists(RunFile))
        {
            return;
        }

        Dictionary<string, string> before = ReadSettings();
        string[] different = [.. settings.Keys.Union(before.Keys)
            .Where(key => settings.GetValueOrDefault(key) != before.GetValueOrDefault(key))
            .Order(StringComparer.Ordinal)
            .Select(key => $"--{key}: was {before.GetValueOrDefault(key) ?? "not set"}, is {settings.GetValueOrDefault(key) ?? "not set"}")];
        if (different.Length > 0)
        {
            throw new UserInputException(
                $"{FolderPath}: the run to resume was made with other settings:\n  {string.Join("\n  ", different)}\n"
                + "Give the same settings, or another --output-dir with --init-adapter to start from its model.");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    private Dictionary<string, string> ReadSettings()
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(RunFile));
            return document.RootElement.GetProperty("settings").EnumerateObject()
                .ToDictionary(p => p.Name, p => p.Value.GetString() ?? "", StringComparer.Ordinal);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or ArgumentException or IOException)
        {
            throw new UserInputException($"{RunFile}: cannot be read ({e.Message}). Start anew with --overwrite.", e);
        }
    }

    private void Admit(ExistingRun existing)
    {
        if (!HoldsRun)
        {
            return;
        }

        switch (existing)
        {
            case ExistingRun.Refuse:
                throw new UserInputException(
                    $"--output-dir {FolderPath}: holds a run already. Go on with --resume auto, start anew with --overwrite, or choose another folder.");
            case ExistingRun.Overwrite:
                foreach (string file in Files)
                {
                    File.Delete(Path.Combine(FolderPath, file));
                }

                foreach (string folder in Folders.Select(f => Path.Combine(FolderPath, f)).Where(Directory.Exists))
                {
                    Directory.Delete(folder, recursive: true);
                }

                break;
            default:
                DurableDirectory.CleanStale(FolderPath);
                DurableDirectory.CleanStale(Checkpoints);
                break;
        }
    }
}
