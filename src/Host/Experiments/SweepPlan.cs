using System.Text.Json;
using Rm.Formats;
using Rm.Host.Options;
using Rm.Training.Loop;

namespace Rm.Host.Experiments;

/// <summary>The runs of a sweep, each with a command line that train's own parser has accepted.</summary>
/// <param name="File">The definition.</param>
/// <param name="Folder">Output folder of the sweep.</param>
/// <param name="Runs">All runs in order.</param>
internal sealed record SweepPlan(SweepFile File, string Folder, IReadOnlyList<PlannedRun> Runs)
{
    private const int MostMistakesShown = 10;

    /// <summary>
    /// Checks every run. Throws one <see cref="UserInputException"/> for all that are wrong, before anything is started.
    /// </summary>
    public static SweepPlan Make(SweepFile file, string folder)
    {
        var runs = new List<PlannedRun>();
        var mistakes = new List<string>();
        foreach (SweepRun run in file.Runs)
        {
            try
            {
                string[] arguments = [.. run.Settings.SelectMany(
                    s => ConfigFile.Words($"{file.Path}: run {run.Name}", TrainArguments.Options[s.Key], s.Value))];
                runs.Add(new PlannedRun(run, arguments, TrainArguments.Check(arguments), Path.Combine(folder, run.Name)));
            }
            catch (UserInputException e)
            {
                string place = $"{file.Path}: run {run.Name}: ";
                mistakes.Add(e.Message.StartsWith(place[..^2], StringComparison.Ordinal) ? e.Message : place + e.Message);
            }
        }

        if (mistakes.Count > 0)
        {
            string more = mistakes.Count > MostMistakesShown ? $"\n(and {mistakes.Count - MostMistakesShown} more)" : "";
            throw new UserInputException(string.Join('\n', mistakes.Take(MostMistakesShown)) + more);
        }

        return new SweepPlan(file, folder, runs);
    }

    /// <summary>The runs with these names, in the plan's order; all when none are given.</summary>
    public IReadOnlyList<PlannedRun> Select(IReadOnlyList<string> names)
    {
        foreach (string name in names)
        {
            if (!Runs.Any(r => r.Name == name))
            {
                throw new UserInputException(
                    $"--only: {File.Path} has no run '{name}'{NameSuggestion.DidYouMean(name, Runs.Select(r => r.Name))}.");
            }
        }

        return names.Count == 0 ? Runs : [.. Runs.Where(r => names.Contains(r.Name, StringComparer.Ordinal))];
    }

    /// <summary>
    /// Throws <see cref="UserInputException"/> when a run's folder holds results of other settings than the file gives it now: they are
    /// never mixed.
    /// </summary>
    public static void RequireUnchanged(IEnumerable<PlannedRun> runs)
    {
        foreach (PlannedRun run in runs.Where(r => System.IO.File.Exists(r.RunFile)))
        {
            Dictionary<string, string> before = new(new EarlierRun(run.RunFile).ReadSettings(), StringComparer.Ordinal);
            foreach (string key in ResolvedSettings.KnownWithData.Where(k => !run.Resolved.ContainsKey(k)))
            {
                before.Remove(key);
            }

            IReadOnlyList<string> different = EarlierRun.Differences(before, run.Resolved, TrainArguments.Defaults);
            if (different.Count > 0)
            {
                throw new UserInputException(
                    $"run {run.Name}: {run.Folder} was made with other settings than the sweep gives it now:\n  "
                        + $"{string.Join("\n  ", different)}\n"
                    + "Give the changed run a new name, remove that folder to run it again, or choose another --output-dir.");
            }
        }
    }

    /// <summary>Settings that the run changes, as text.</summary>
    public static string Changes(PlannedRun run) =>
        string.Join(
            ' ', run.Run.Changed.Select(s => s.Value.ValueKind == JsonValueKind.True ? s.Key : $"{s.Key}={SweepRun.Text(s.Value)}"));
}
