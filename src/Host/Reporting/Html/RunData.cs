using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Json;
using Rm.Training.Evaluation;
using Rm.Training.Loop;
using Rm.Training.Statistics;

namespace Rm.Host.Reporting.Html;

/// <summary>Everything that a page shows of one run, read from its folder while the run may be writing there.</summary>
/// <param name="Name">Name of the folder.</param>
/// <param name="Run">run.json.</param>
/// <param name="Result">result.json; null until the run has ended.</param>
/// <param name="Metrics">metrics.jsonl.</param>
/// <param name="Best">Rewards of the evaluation pairs by the best model; empty without evaluations.</param>
/// <param name="Last">The same at the last evaluation.</param>
/// <param name="Samples">samples.jsonl.</param>
internal sealed record RunData(
    string Name, JsonElement Run, JsonElement? Result, RunMetrics Metrics, IReadOnlyList<EvalRow> Best, IReadOnlyList<EvalRow> Last,
    RunSamples Samples)
{
    /// <summary>Whether a folder holds a run.</summary>
    public static bool IsRun(string folder) => File.Exists(Path.Combine(folder, RunDirectory.RunFileName));

    /// <summary>Reads a run. Throws <see cref="UserInputException"/> naming the file that is missing or damaged.</summary>
    public static RunData Read(string folder, int mostRows = 2000)
    {
        var files = new RunFiles(folder);
        return new RunData(
            NameOf(folder), Json(files.Run)
                ?? throw new UserInputException($"{folder}: holds no run ({RunDirectory.RunFileName} is missing)."),
            Json(files.Result), RunMetrics.Read(files.Metrics, mostRows), Rows(files.BestRows), Rows(files.LastRows),
            RunSamples.Read(files.Samples));
    }

    /// <summary>The last part of a folder's path.</summary>
    public static string NameOf(string folder) => new DirectoryInfo(folder).Name;

    private static JsonElement? Json(string path) => File.Exists(path) ? JsonInput.ParseObject(JsonInput.ReadFile(path), path) : null;

    private static IReadOnlyList<EvalRow> Rows(string path) => File.Exists(path) ? EvalRowFile.Read(path) : [];
}
