using Rm.Training.Loop;

namespace Rm.Host.Experiments;

/// <summary>A run of a sweep with its checked command line.</summary>
/// <param name="Run">The run as the file defines it.</param>
/// <param name="Arguments">Arguments of <c>btrm train</c> that make it what it is; where it writes and resumes is not among them.</param>
/// <param name="Resolved">Settings as run.json will have them, as far as they are known without the data.</param>
/// <param name="Folder">Where it writes.</param>
internal sealed record PlannedRun(
    SweepRun Run, IReadOnlyList<string> Arguments, IReadOnlyDictionary<string, string> Resolved, string Folder)
{
    /// <summary>Its name.</summary>
    public string Name => Run.Name;

    /// <summary>Files of the run.</summary>
    public string LogFile => Path.Combine(Folder, "log.txt");

    /// <summary>
    /// Exit code of the last process that trained this run, as text; absent while one is at it, or when nothing could write it.
    /// </summary>
    public string ExitCodeFile => Path.Combine(Folder, "exit-code");

    /// <summary>What train wrote when it was done.</summary>
    public string ResultFile => Path.Combine(Folder, "result.json");

    /// <summary>What train wrote when it began.</summary>
    public string RunFile => Path.Combine(Folder, RunDirectory.RunFileName);

    /// <summary>All words after <c>btrm</c>: the same on the first start and on every later one.</summary>
    public IReadOnlyList<string> CommandLine => ["train", .. Arguments, $"--output-dir={Folder}", "--resume=auto"];

    /// <summary>Whether the run itself says something about an option.</summary>
    public bool Sets(string key) => Run.Settings.ContainsKey(key);
}
