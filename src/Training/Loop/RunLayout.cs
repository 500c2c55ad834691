namespace Rm.Training.Loop;

/// <summary>What a run's folder holds, and under which names.</summary>
/// <param name="OptionName">How the user names the folder, for messages.</param>
/// <param name="CheckpointFolder">Folder of the checkpoints within it; empty for the folder itself.</param>
/// <param name="CheckpointPrefix">What comes before the step in a checkpoint's name.</param>
/// <param name="StateFile">The file of a checkpoint with <see cref="TrainerState"/>.</param>
/// <param name="KeepsBest">Whether the best model is kept in <c>best/</c>; otherwise its checkpoint stays.</param>
/// <param name="KeepsFinal">Whether the trainer keeps the last model in <c>final/</c>.</param>
/// <param name="ModelFiles">Files of the model, where it lies in the folder itself.</param>
public sealed record RunLayout(
    string OptionName, string CheckpointFolder, string CheckpointPrefix, string StateFile, bool KeepsBest, bool KeepsFinal,
    IReadOnlyList<string> ModelFiles)
{
    private static readonly string[] OwnFiles = [RunDirectory.RunFileName, "metrics.jsonl", "samples.jsonl", "result.json", "report.html"];
    private static readonly string[] OwnFolders = ["checkpoints", "best", "final", RunDirectory.EvalRowsFolder, "tensorboard"];

    /// <summary>The layout of <c>btrm train</c>.</summary>
    public static RunLayout Btrm { get; } =
        new("--output-dir", "checkpoints", "step-", TrainerState.FileName, KeepsBest: true, KeepsFinal: true, []);

    /// <summary>The step that a checkpoint's folder is named after, or -1 when the name is none of a checkpoint.</summary>
    public int StepOf(string name) =>
        name.StartsWith(CheckpointPrefix, StringComparison.Ordinal)
        && int.TryParse(name.AsSpan(CheckpointPrefix.Length), out int step) && step >= 0
            ? step
            : -1;

    /// <summary>Paths of the run's files that are there.</summary>
    internal IEnumerable<string> FilesIn(string folder) =>
        OwnFiles.Concat(ModelFiles).Select(name => Path.Combine(folder, name)).Where(File.Exists);

    /// <summary>Paths of the run's folders that are there.</summary>
    internal IEnumerable<string> FoldersIn(string folder)
    {
        IEnumerable<string> own = OwnFolders.Select(name => Path.Combine(folder, name)).Where(Directory.Exists);
        return CheckpointFolder.Length > 0 || !Directory.Exists(folder)
            ? own
            : own.Concat(Directory.GetDirectories(folder).Where(path => StepOf(Path.GetFileName(path)) >= 0));
    }
}
