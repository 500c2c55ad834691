using Rm.Formats;
using Rm.Formats.Json;

namespace Rm.Host.Experiments;

/// <summary>Which runs of a sweep were given to Slurm, and what its queue says of them.</summary>
internal sealed class SlurmQueue
{
    private const string Missing = "This sweep has runs in Slurm: use it where Slurm's commands are on the PATH.";

    private readonly Dictionary<string, string> _tasks; // run -> newest task, JOB_INDEX
    private readonly Dictionary<string, string> _states; // task -> state

    private SlurmQueue(Dictionary<string, string> tasks, Dictionary<string, string> states) => (_tasks, _states) = (tasks, states);

    /// <summary>Of a sweep that Slurm has nothing to do with.</summary>
    public static SlurmQueue Empty { get; } = new([], []);

    /// <summary>
    /// Reads the sweep's submissions and asks Slurm. Throws <see cref="UserInputException"/> when there are some and Slurm cannot be asked.
    /// </summary>
    public static SlurmQueue Read(SweepPlan plan)
    {
        string path = SubmissionsFile(plan.Folder);
        if (!File.Exists(path))
        {
            return Empty;
        }

        Dictionary<string, string> tasks = Tasks(File.ReadLines(path), path);
        string listing = ToolProcess.Run(
            "squeue", ["--noheader", "--array", $"--user={Environment.UserName}", "--format=%i %T"], Missing);
        return new SlurmQueue(tasks, States(listing));
    }

    /// <summary>Where the submissions of a sweep are noted, one JSON object a line.</summary>
    public static string SubmissionsFile(string folder) => Path.Combine(folder, "slurm", "submissions.jsonl");

    /// <summary>Whether a run was ever submitted.</summary>
    public bool WasSubmitted(string run) => _tasks.ContainsKey(run);

    /// <summary>State of the run's newest task in the queue ("PENDING", "RUNNING", ...), or null when it is not there (any more).</summary>
    public string? StateOf(string run) => _tasks.TryGetValue(run, out string? task) ? _states.GetValueOrDefault(task) : null;

    /// <summary>The newest task of every run, JOB_INDEX, from lines {"job": ..., "runs": [names in order of the array]}.</summary>
    internal static Dictionary<string, string> Tasks(IEnumerable<string> lines, string path)
    {
        var tasks = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string line in lines.Where(l => l.Length > 0))
        {
            var submission = new JsonFields(JsonInput.ParseObject(System.Text.Encoding.UTF8.GetBytes(line), path), path);
            string job = submission.OptionalString("job") ?? throw new UserInputException($"{path}: a line has no job.");
            int index = 0;
            foreach (string run in submission.OptionalStrings("runs") ?? [])
            {
                tasks[run] = $"{job}_{index++}";
            }
        }

        return tasks;
    }

    /// <summary>Task and state of every line of squeue's listing.</summary>
    internal static Dictionary<string, string> States(string listing)
    {
        var states = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string[] words in listing.Split('\n').Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(w => w.Length >= 2))
        {
            states[words[0]] = words[1];
        }

        return states;
    }
}
