using Rm.Training.Loop;

namespace Rm.Host.Reporting.Html;

/// <summary>The files of a run that a page is made from.</summary>
internal sealed record RunFiles(string Folder)
{
    public string Run => Path.Combine(Folder, RunDirectory.RunFileName);

    public string Result => Path.Combine(Folder, "result.json");

    public string Metrics => Path.Combine(Folder, "metrics.jsonl");

    public string Samples => Path.Combine(Folder, "samples.jsonl");

    public string BestRows => Path.Combine(Folder, "eval-rows", "best.jsonl");

    public string LastRows => Path.Combine(Folder, "eval-rows", "last.jsonl");

    /// <summary>Changes whenever one of the files does.</summary>
    public string State() => string.Join(';', new[] { Run, Result, Metrics, Samples, BestRows, LastRows }.Select(StateOf));

    private static string StateOf(string path)
    {
        var file = new FileInfo(path);
        return file.Exists ? FormattableString.Invariant($"{file.Length},{file.LastWriteTimeUtc.Ticks}") : "-";
    }
}
