using System.Diagnostics;
using Rm.Formats;
using Rm.Host.Experiments;
using Rm.Host.Tests.EndToEnd;

namespace Rm.Host.Tests.Experiments;

/// <summary>
/// The job array's script without Slurm: bash runs it as Slurm would, with a scontrol that only notes what it is asked. The real thing is
/// tests/slurm/run.sh.
/// </summary>
public sealed class SlurmScriptTests
{
    private const string Array = "\"runs\": [{\"name\": \"A\"}, {\"name\": \"B\", \"settings\": {\"steps\": 100000, \"log-every\": 1}}]";

    [Fact]
    public void A_task_trains_the_run_of_its_index()
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "there is no bash here");
        using var scratch = new ScratchFolder();
        var sweep = new SmallSweep(scratch);
        (string file, string script) =
            Script(sweep, "--time", "01:00:00", "--signal-seconds", "120", "--slurm-args", "--mem=4G --partition=gpu", "--jobs", "3");
        string text = File.ReadAllText(script);
        foreach (string line in new[]
        {
            "#SBATCH --job-name=btrm-sweep", "#SBATCH --array=0-1%3", "#SBATCH --signal=B:USR1@120", "#SBATCH --requeue",
                "#SBATCH --open-mode=append",
            "#SBATCH --time=01:00:00", "#SBATCH --mem=4G --partition=gpu", $"#SBATCH --output={sweep.Out}/slurm/%A_%a.log",
        })
        {
            Assert.Contains($"\n{line}\n", text, StringComparison.Ordinal);
        }

        Assert.Equal(0, Run(scratch, script, 0).ExitCode);
        Assert.Equal("0", File.ReadAllText(Path.Combine(sweep.Out, "A", "exit-code")).Trim());
        Assert.Contains("device: ", sweep.Log("A"), StringComparison.Ordinal);
        Assert.False(File.Exists(scratch["requeued"]));
        Btrm.Fail(1, sweep.Command(file, "--collect"), "1 of 2 runs have no result: B");
        Assert.Equal("A:finished B:missing", sweep.Statuses);

        // The next script is for what is open, and does not replace the first.
        string second = Script(sweep).Script;
        Assert.NotEqual(script, second);
        Assert.DoesNotContain("# A\n", File.ReadAllText(second), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(BtrmProcess.SigUsr1, 0, true)]
    [InlineData(BtrmProcess.SigTerm, 75, false)]
    public void The_time_limits_signal_requeues_the_task_and_scancels_does_not(int signal, int exitCode, bool requeued)
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "there is no bash here");
        using var scratch = new ScratchFolder();
        var sweep = new SmallSweep(scratch);
        (string file, string script) = Script(sweep);
        string metrics = Path.Combine(sweep.Out, "B", "metrics.jsonl");
        (int code, string output) = Run(scratch, script, 1, signal, () => File.Exists(metrics) && new FileInfo(metrics).Length > 0);
        Assert.True(code == exitCode, $"exit {code}\n{output}\n{sweep.Log("B")}");
        Assert.Equal("75", File.ReadAllText(Path.Combine(sweep.Out, "B", "exit-code")).Trim());
        Assert.Equal(requeued, File.Exists(scratch["requeued"]));
        Assert.Contains("Go on with --resume auto", sweep.Log("B"), StringComparison.Ordinal);
        Btrm.Fail(1, sweep.Command(file, "--collect"), "A, B");
        Assert.Equal("A:missing B:stopped", sweep.Statuses);
    }

    [Fact]
    public void Tasks_and_their_states_are_read()
    {
        Dictionary<string, string> tasks = SlurmQueue.Tasks(
            ["""{"job":"7","script":"s","runs":["A","B","C"]}""", """{"job":"9","script":"s","runs":["C","A"]}""", ""], "submissions.jsonl");
        Assert.Equal(
            "A:9_1 B:7_1 C:9_0", string.Join(' ', tasks.OrderBy(t => t.Key, StringComparer.Ordinal).Select(t => $"{t.Key}:{t.Value}")));
        Dictionary<string, string> states = SlurmQueue.States("9_0 RUNNING\n7_1 PENDING\n\n12 COMPLETING\n");
        Assert.Equal(("RUNNING", "PENDING", "COMPLETING", 3), (states["9_0"], states["7_1"], states["12"], states.Count));
        Assert.Throws<UserInputException>(() => SlurmQueue.Tasks(["{\"runs\":[]}"], "submissions.jsonl"));
        Assert.Throws<UserInputException>(() => SlurmQueue.Tasks(["nonsense"], "submissions.jsonl"));
    }

    [Fact]
    public void A_missing_program_and_a_failing_one_are_named()
    {
        UserInputException missing = Assert.Throws<UserInputException>(() => ToolProcess.Run("btrm-no-such-program", ["x"], "Install it."));
        Assert.Contains("btrm-no-such-program cannot be started", missing.Message, StringComparison.Ordinal);
        Assert.EndsWith("Install it.", missing.Message, StringComparison.Ordinal);
        Assert.SkipUnless(File.Exists("/bin/sh"), "there is no shell here");
        UserInputException failed =
            Assert.Throws<UserInputException>(() => ToolProcess.Run("/bin/sh", ["-c", "echo no such partition >&2; exit 3"], ""));
        Assert.Contains("failed with exit code 3: no such partition", failed.Message, StringComparison.Ordinal);
        Assert.Equal("12\n", ToolProcess.Run("/bin/sh", ["-c", "echo 12"], ""));
    }

    private static (string File, string Script) Script(SmallSweep sweep, params string[] further)
    {
        string file = sweep.Write(Array);
        return (file, Btrm.Succeed(sweep.Command(file, ["--slurm-script-only", .. further])).Output.Trim());
    }

    private static (int ExitCode, string Output) Run(
        ScratchFolder scratch, string script, int index, int signal = 0, Func<bool>? isTime = null)
    {
        FakeProgram.Write(scratch, "scontrol", "echo \"$@\" >'{0}/requeued'");
        var start = new ProcessStartInfo("/bin/bash", [script]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PATH"] = FakeProgram.Path(scratch);
        start.Environment["SLURM_ARRAY_TASK_ID"] = $"{index}";
        start.Environment["SLURM_JOB_ID"] = "42";
        start.Environment["SLURM_CPUS_PER_TASK"] = "1";
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync(), output = process.StandardOutput.ReadToEndAsync();
        while (isTime is not null && !isTime() && !process.HasExited)
        {
            Thread.Sleep(5);
        }

        if (signal != 0)
        {
            Process.Start("/bin/kill", [$"-{signal}", $"{process.Id}"]).WaitForExit();
        }

        process.WaitForExit();
        return (process.ExitCode, output.GetAwaiter().GetResult() + error.GetAwaiter().GetResult());
    }
}
