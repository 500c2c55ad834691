using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Json;
using Rm.Host.Options;

namespace Rm.Host.Experiments;

/// <summary>
/// A sweep as a JSON file defines it: <c>base</c> (settings of every run), <c>matrix</c> with <c>exclude</c> (combinations) and <c>runs</c>
/// (a list with name, note and settings). Settings are train's options without dashes.
/// </summary>
/// <param name="Path">The file.</param>
/// <param name="Note">What the sweep is about, or null.</param>
/// <param name="Runs">The runs in order: those of the matrix, then the listed ones.</param>
internal sealed record SweepFile(string Path, string? Note, IReadOnlyList<SweepRun> Runs)
{
    private static readonly string[] Fields = ["note", "base", "matrix", "exclude", "runs"];
    private static readonly string[] RunFields = ["name", "note", "settings"];

    // Options of train that the sweep itself gives each run.
    private static readonly string[] Own = ["output-dir", "resume", "overwrite"];

    /// <summary>Reads and expands the file. Throws <see cref="UserInputException"/> that names the place in it.</summary>
    public static SweepFile Read(string path)
    {
        JsonElement root = ConfigFile.Read(path, path);
        RequireKnown(path, "", root, Fields);
        JsonElement common = Object(path, root, "base");
        JsonElement matrix = Object(path, root, "matrix");
        CheckSettings(path, "base", common);
        CheckSettings(path, "matrix", matrix);
        var runs = new List<SweepRun>();
        JsonElement? exclude = new JsonFields(root, path).Find("exclude");
        if (matrix.EnumerateObject().Any())
        {
            runs.AddRange(SweepMatrix.Expand(path, matrix, exclude)
                .Select(c => Run(SweepNames.Of(c.Select(s => (s.Key, SweepRun.Text(s.Value)))), null, common, c)));
        }
        else if (exclude is not null)
        {
            throw new UserInputException($"{path}: exclude needs a matrix to leave combinations out of.");
        }

        runs.AddRange(Listed(path, root, common));
        RequireNames(path, runs);
        return new SweepFile(path, new JsonFields(root, path).OptionalString("note"), runs);
    }

    private static IEnumerable<SweepRun> Listed(string path, JsonElement root, JsonElement common)
    {
        if (new JsonFields(root, path).Find("runs") is not { } list)
        {
            yield break;
        }

        if (list.ValueKind != JsonValueKind.Array || list.EnumerateArray().Any(r => r.ValueKind != JsonValueKind.Object))
        {
            throw new UserInputException($"{path}: runs must be a list of objects with name, note and settings.");
        }

        int index = 0;
        foreach (JsonElement run in list.EnumerateArray())
        {
            string place = $"runs[{index++}]";
            RequireKnown(path, place, run, RunFields);
            var fields = new JsonFields(run, path, place + ".");
            string name = fields.OptionalString("name") ?? throw new UserInputException($"{path}: {place} has no name.");
            JsonElement settings = Object(path, run, "settings", place + ".");
            CheckSettings(path, $"{place} ({name})", settings);
            yield return Run(name, fields.OptionalString("note"), common,
                [.. settings.EnumerateObject().Select(p => KeyValuePair.Create(p.Name, p.Value))]);
        }
    }

    private static SweepRun Run(string name, string? note, JsonElement common, IReadOnlyList<KeyValuePair<string, JsonElement>> changed)
    {
        var settings = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (JsonProperty property in common.EnumerateObject())
        {
            settings[property.Name] = property.Value;
        }

        foreach ((string key, JsonElement value) in changed)
        {
            settings[key] = value;
        }

        return new SweepRun(name, note, settings, changed);
    }

    private static void RequireNames(string path, List<SweepRun> runs)
    {
        if (runs.Count is 0 or > SweepMatrix.MaxRuns)
        {
            throw new UserInputException(runs.Count == 0
                ? $"{path}: defines no runs; give a matrix or a list of runs."
                : $"{path}: defines {runs.Count} runs; {SweepMatrix.MaxRuns} is the most.");
        }

        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (SweepRun run in runs)
        {
            if (SweepNames.Problem(run.Name) is { } problem)
            {
                throw new UserInputException($"{path}: the run name '{run.Name}' {problem}. A list under \"runs\" lets you choose names.");
            }

            if (!names.Add(run.Name))
            {
                throw new UserInputException(
                    $"{path}: two runs are called '{run.Name}' (capitals do not count: folders are named so). Rename one.");
            }
        }
    }

    private static void CheckSettings(string path, string place, JsonElement settings)
    {
        foreach (string key in settings.EnumerateObject().Select(p => p.Name))
        {
            if (Own.Contains(key, StringComparer.Ordinal))
            {
                throw new UserInputException($"{path}: {place}: \"{key}\" is for the sweep to say; leave it away.");
            }

            if (!TrainArguments.Options.ContainsKey(key))
            {
                IEnumerable<string> known = TrainArguments.Options.Keys.Except(Own, StringComparer.Ordinal);
                throw new UserInputException($"{path}: {place}: unknown setting \"{key}\"{NameSuggestion.DidYouMean(key, known)}.");
            }
        }
    }

    private static void RequireKnown(string path, string place, JsonElement element, string[] known)
    {
        foreach (string name in element.EnumerateObject().Select(p => p.Name).Except(known, StringComparer.Ordinal))
        {
            string where = place.Length == 0 ? "" : place + ": ";
            string hint = TrainArguments.Options.ContainsKey(name)
                ? $" (settings go into \"{(place.Length == 0 ? "base" : "settings")}\")"
                : NameSuggestion.DidYouMean(name, known);
            throw new UserInputException($"{path}: {where}unknown key \"{name}\"{hint}.");
        }
    }

    // An absent object is an empty one.
    private static JsonElement Object(string path, JsonElement parent, string name, string place = "")
    {
        using var empty = JsonDocument.Parse("{}");
        return new JsonFields(parent, path, place).OptionalObject(name)?.Element ?? empty.RootElement.Clone();
    }
}
