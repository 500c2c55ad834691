using System.Text;
using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Files;

namespace Rm.Host.Experiments;

/// <summary>Gives what is not finished of a sweep to Slurm as one job array.</summary>
/// <param name="plan">The sweep.</param>
/// <param name="options">What the user says about the jobs.</param>
internal sealed class SlurmArray(SweepPlan plan, SlurmOptions options)
{
    private const string Missing = "Slurm's commands must be on the PATH; --slurm-script-only writes the script without them.";

    private readonly string _folder = Path.GetFullPath(Path.Combine(plan.Folder, "slurm"));

    /// <summary>Writes the script and returns its path. Throws <see cref="SaveFailedException"/>.</summary>
    public string Write(IReadOnlyList<PlannedRun> runs)
    {
        try
        {
            Directory.CreateDirectory(_folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SaveFailedException($"{_folder}: cannot be made ({e.Message}).", e);
        }

        // A script stays as it was submitted: Slurm keeps a copy, and people want to see what ran.
        int number = 1;
        while (File.Exists(ScriptPath(number)))
        {
            number++;
        }

        AtomicFile.Write(ScriptPath(number), Encoding.UTF8.GetBytes(SlurmScript.Text(JobName, runs, _folder, options)));
        return ScriptPath(number);
    }

    /// <summary>
    /// Submits the script and notes which task is which run. Returns the job's id. Throws <see cref="UserInputException"/> with what sbatch
    /// says.
    /// </summary>
    public string Submit(string script, IReadOnlyList<PlannedRun> runs)
    {
        // With several clusters the answer is ID;CLUSTER.
        string job = ToolProcess.Run("sbatch", ["--parsable", script], Missing).Trim().Split(';')[0];
        using var line = new MemoryStream();
        using (var w = new Utf8JsonWriter(line))
        {
            w.WriteStartObject();
            w.WriteString("job", job);
            w.WriteString("script", script);
            w.WriteStartArray("runs");
            foreach (PlannedRun run in runs)
            {
                w.WriteStringValue(run.Name);
            }

            w.WriteEndArray();
            w.WriteEndObject();
        }

        using var log = AppendOnlyLog.Open(SlurmQueue.SubmissionsFile(plan.Folder));
        log.Append(Encoding.UTF8.GetString(line.ToArray()));
        log.Sync();
        return job;
    }

    private string JobName => "btrm-" + string.Concat(
        Path.GetFileNameWithoutExtension(plan.File.Path).Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' ? c : '-'));

    private string ScriptPath(int number) => Path.Combine(_folder, FormattableString.Invariant($"sweep-{number}.sbatch"));
}
