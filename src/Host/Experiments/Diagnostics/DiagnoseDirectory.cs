using System.Text.Json;
using System.Text.Json.Serialization;
using Rm.Formats;
using Rm.Formats.Diagnostics;
using Rm.Formats.Files;
using Rm.Formats.Json;
using Rm.Training.Loop;

namespace Rm.Host.Experiments.Diagnostics;

/// <summary>
/// The output folder of <c>btrm diagnose</c>: a folder for each run, <c>settings.json</c> with what all were made with,
/// <c>diagnose.json</c> with the outcomes. One process at a time may hold it.
/// </summary>
internal sealed class DiagnoseDirectory : IDisposable
{
    private readonly string _folder;
    private readonly FileStream _lock;

    private DiagnoseDirectory(string folder, FileStream lockFile)
    {
        _folder = folder;
        _lock = lockFile;
    }

    /// <summary>
    /// Takes the folder. Throws <see cref="UserInputException"/> when it holds runs with other settings, is held by another process, or
    /// cannot be written.
    /// </summary>
    /// <param name="folder">Where the diagnostics are.</param>
    /// <param name="settings">Settings of their runs.</param>
    /// <param name="defaults">What a setting has when nothing is given; see <see cref="EarlierRun.Differences"/>.</param>
    /// <param name="overwrite">Whether to remove what is there.</param>
    public static DiagnoseDirectory Open(
        string folder, IReadOnlyDictionary<string, string> settings, IReadOnlyDictionary<string, string> defaults, bool overwrite)
    {
        FileStream lockFile;
        try
        {
            Directory.CreateDirectory(folder);
            lockFile = new FileStream(Path.Combine(folder, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UserInputException($"--output-dir {folder}: cannot be written, or another btrm is writing there ({e.Message}).", e);
        }

        var directory = new DiagnoseDirectory(folder, lockFile);
        try
        {
            if (overwrite)
            {
                directory.RemoveRuns();
            }

            directory.RequireSame(settings, defaults);
            return directory;
        }
        catch
        {
            directory.Dispose();
            throw;
        }
    }

    /// <summary>Folder of a run.</summary>
    public string RunFolder(string name) => Path.Combine(_folder, name);

    /// <summary>Writes <c>diagnose.json</c>.</summary>
    public void WriteOutcomes(IReadOnlyList<DiagnosticOutcome> outcomes) => AtomicFile.Write(
        Path.Combine(_folder, "diagnose.json"),
        JsonSerializer.SerializeToUtf8Bytes(outcomes, DiagnosticJson.Default.IReadOnlyListDiagnosticOutcome));

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    private void RequireSame(IReadOnlyDictionary<string, string> settings, IReadOnlyDictionary<string, string> defaults)
    {
        string path = Path.Combine(_folder, "settings.json");
        if (!File.Exists(path))
        {
            AtomicFile.Write(
                path, JsonSerializer.SerializeToUtf8Bytes(settings, DiagnoseSettingsJson.Default.IReadOnlyDictionaryStringString));
            return;
        }

        var before = JsonInput.ParseObject(JsonInput.ReadFile(path), path).EnumerateObject()
            .ToDictionary(p => p.Name, p => p.Value.ToString(), StringComparer.Ordinal);
        IReadOnlyList<string> different = EarlierRun.Differences(before, settings, defaults);
        if (different.Count > 0)
        {
            throw new UserInputException(
                $"{_folder}: holds diagnostics with other settings:\n  {string.Join("\n  ", different)}\nGive the same settings, "
                    + $"--overwrite, or another --output-dir.");
        }
    }

    private void RemoveRuns()
    {
        foreach (string name in Enum.GetValues<DiagnosticMode>().Select(DiagnosticOptions.NameOf).Prepend(BaselineVerdict.Name))
        {
            using var run = RunDirectory.Open(RunFolder(name), ExistingRun.Overwrite);
            run.Prepare();
        }

        try
        {
            File.Delete(Path.Combine(_folder, "settings.json"));
            File.Delete(Path.Combine(_folder, "diagnose.json"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SaveFailedException($"--overwrite: the diagnostics in {_folder} cannot be removed ({e.Message}).", e);
        }
    }
}

[JsonSourceGenerationOptions(WriteIndented = true)]
[JsonSerializable(typeof(IReadOnlyDictionary<string, string>))]
internal sealed partial class DiagnoseSettingsJson : JsonSerializerContext;
