using Rm.Formats;
using Rm.Formats.Files;

namespace Rm.Training.Loop;

/// <summary>What to do with an output directory that already holds a run.</summary>
public enum ExistingRun
{
    /// <summary>Refuse it.</summary>
    Refuse,

    /// <summary>Go on from its newest checkpoint.</summary>
    Resume,

    /// <summary>Remove its files first.</summary>
    Overwrite,

    /// <summary>Move its files into a folder <c>earlier-N</c> first.</summary>
    SetAside,
}

/// <summary>
/// A run's output: <c>run.json</c>, <c>metrics.jsonl</c>, <c>samples.jsonl</c>, <c>checkpoints/</c>, <c>best/</c>, <c>final/</c>,
/// <c>eval-rows/</c>, what shows them: <c>report.html</c>, <c>tensorboard/</c>. Only one process at a time may hold it; the lock goes with
/// the process, however it ends.
/// </summary>
public sealed class RunDirectory : IDisposable
{
    /// <summary>Name of the file with the resolved configuration.</summary>
    public const string RunFileName = "run.json";

    /// <summary>Name of the folder with the rewards of evaluation pairs.</summary>
    internal const string EvalRowsFolder = "eval-rows";
    private const string LockFileName = ".lock";

    private readonly ExistingRun _existing;
    private readonly FileStream _lock;

    private RunDirectory(string path, ExistingRun existing, RunLayout layout, FileStream lockFile)
    {
        FolderPath = path;
        Layout = layout;
        _existing = existing;
        _lock = lockFile;
    }

    /// <summary>The directory.</summary>
    public string FolderPath { get; }

    /// <summary>What lies where in it.</summary>
    public RunLayout Layout { get; }

    /// <summary>run.json.</summary>
    public string RunFile => Path.Combine(FolderPath, RunFileName);

    /// <summary>metrics.jsonl.</summary>
    public string MetricsFile => Path.Combine(FolderPath, "metrics.jsonl");

    /// <summary>samples.jsonl.</summary>
    public string SamplesFile => Path.Combine(FolderPath, "samples.jsonl");

    /// <summary>result.json: the figures at the end.</summary>
    public string ResultFile => Path.Combine(FolderPath, "result.json");

    /// <summary>Checkpoints to resume from.</summary>
    public string Checkpoints => Path.Combine(FolderPath, Layout.CheckpointFolder);

    /// <summary>The best model.</summary>
    public string Best => Path.Combine(FolderPath, "best");

    /// <summary>The model after the last step.</summary>
    public string Final => Path.Combine(FolderPath, "final");

    /// <summary>Rewards of every evaluation pair by the best model so far.</summary>
    public string BestEvalRows => Path.Combine(EvalRows, "best.jsonl");

    /// <summary>Rewards of every evaluation pair at the last evaluation.</summary>
    public string LastEvalRows => Path.Combine(EvalRows, "last.jsonl");

    private string EvalRows => Path.Combine(FolderPath, EvalRowsFolder);

    /// <summary>Whether the directory holds a run.</summary>
    public bool HoldsRun => File.Exists(RunFile) || Layout.FoldersIn(FolderPath).Any();

    /// <summary>
    /// Takes the directory for this process; nothing in it changes before <see cref="Prepare"/>. Throws <see cref="UserInputException"/>
    /// when it may not be used.
    /// </summary>
    public static RunDirectory Open(string path, ExistingRun existing, RunLayout? layout = null)
    {
        layout ??= RunLayout.Btrm;
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
                    ? $"{layout.OptionName} {path}: another btrm process is writing there. Wait for it or choose another folder."
                    : $"{layout.OptionName} {path}: cannot be created or written ({e.Message}).",
                e);
        }

        var directory = new RunDirectory(path, existing, layout, lockFile);
        if (existing == ExistingRun.Refuse && directory.HoldsRun)
        {
            directory.Dispose();
            throw new UserInputException(
                $"--output-dir {path}: holds a run already. Go on with --resume auto, start anew with --overwrite, or choose another "
                    + $"folder.");
        }

        return directory;
    }

    /// <summary>
    /// Removes the run that is to be overwritten, or what an interrupted save left of the one to resume. Called when everything else about
    /// the new run is known to be right: a mistyped file name must not cost the old run. Throws <see cref="SaveFailedException"/>.
    /// </summary>
    public void Prepare()
    {
        if (_existing == ExistingRun.Overwrite)
        {
            RemoveRun();
        }
        else if (_existing == ExistingRun.SetAside && HoldsRun)
        {
            SetRunAside();
        }
        else
        {
            DurableDirectory.CleanStale(FolderPath);
            DurableDirectory.CleanStale(Checkpoints);
        }

        AtomicFile.RemoveLeftovers(FolderPath);
        AtomicFile.RemoveLeftovers(EvalRows);
        CreateEvalRows();
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    private void CreateEvalRows()
    {
        try
        {
            Directory.CreateDirectory(EvalRows);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SaveFailedException($"{EvalRows}: cannot be created ({e.Message}).", e);
        }
    }

    private void RemoveRun()
    {
        try
        {
            foreach (string file in Layout.FilesIn(FolderPath))
            {
                File.Delete(file);
            }

            foreach (string folder in Layout.FoldersIn(FolderPath))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SaveFailedException($"--overwrite: the run in {FolderPath} cannot be removed ({e.Message}).", e);
        }
    }

    private void SetRunAside()
    {
        int number = 1;
        while (Path.Exists(Path.Combine(FolderPath, $"earlier-{number}")))
        {
            number++;
        }

        string target = Path.Combine(FolderPath, $"earlier-{number}");
        try
        {
            Directory.CreateDirectory(target);
            foreach (string folder in Layout.FoldersIn(FolderPath).ToList())
            {
                Directory.Move(folder, Path.Combine(target, Path.GetFileName(folder)));
            }

            foreach (string file in Layout.FilesIn(FolderPath).ToList())
            {
                File.Move(file, Path.Combine(target, Path.GetFileName(file)));
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SaveFailedException($"The run in {FolderPath} cannot be moved into {target} ({e.Message}).", e);
        }

        Console.Error.WriteLine($"The run that was in {FolderPath} is in {target} now.");
    }
}
