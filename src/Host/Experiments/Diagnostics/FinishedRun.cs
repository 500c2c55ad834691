using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Diagnostics;
using Rm.Formats.Json;
using Rm.Training.Evaluation;
using Rm.Training.Statistics;

namespace Rm.Host.Experiments.Diagnostics;

/// <summary>What the output folder of a finished run says.</summary>
internal static class FinishedRun
{
    /// <summary>Name of a diagnostic's outcome in result.json.</summary>
    public const string DiagnosticName = "diagnostic";

    /// <summary>Whether the run in a folder has come to its end.</summary>
    public static bool IsFinished(string folder) => File.Exists(ResultFile(folder));

    /// <summary>
    /// Rewards of the evaluation pairs at the end. Throws <see cref="UserInputException"/> when the folder holds no such run.
    /// </summary>
    public static IReadOnlyList<EvalRow> EvalRows(string folder)
    {
        string path = Path.Combine(folder, "eval-rows", "last.jsonl");
        return IsFinished(folder) && File.Exists(path)
            ? EvalRowFile.Read(path)
            : throw new UserInputException($"{folder}: is no finished run with evaluation rows (result.json, eval-rows/last.jsonl).");
    }

    /// <summary>The outcome of a diagnostic run. Throws <see cref="UserInputException"/> when the folder holds none.</summary>
    public static DiagnosticOutcome Outcome(string folder)
    {
        string path = ResultFile(folder);
        JsonElement root = JsonInput.ParseObject(JsonInput.ReadFile(path), path);
        try
        {
            return root.TryGetProperty(DiagnosticName, out JsonElement outcome)
                && outcome.Deserialize(DiagnosticJson.Default.DiagnosticOutcome) is { Checks: not null, Mode: not null } read
                ? read
                : throw new JsonException("there is none");
        }
        catch (JsonException e)
        {
            throw new UserInputException($"{path}: holds no outcome of a diagnostic ({e.Message}). Start anew with --overwrite.", e);
        }
    }

    /// <summary>The training split's strongest shortcut token by run.json, or null.</summary>
    public static ShortcutToken? ShortcutToken(string folder)
    {
        string path = Path.Combine(folder, "run.json");
        JsonElement root = JsonInput.ParseObject(JsonInput.ReadFile(path), path);
        try
        {
            return root.TryGetProperty("data_report", out JsonElement report) && report.TryGetProperty("train", out JsonElement train)
                && train.TryGetProperty("telling_token", out JsonElement token)
                ? new ShortcutToken(
                    token.GetProperty("id").GetInt32(), token.GetProperty("text").GetString(), token.GetProperty("chosen_only").GetInt64(),
                    token.GetProperty("rejected_only").GetInt64(), token.GetProperty("pairs").GetInt64())
                : null;
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new UserInputException($"{path}: its telling_token cannot be read ({e.Message}).", e);
        }
    }

    private static string ResultFile(string folder) => Path.Combine(folder, "result.json");
}
