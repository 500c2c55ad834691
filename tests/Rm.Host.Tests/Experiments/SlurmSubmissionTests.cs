using Rm.Host.Tests.EndToEnd;

namespace Rm.Host.Tests.Experiments;

/// <summary>
/// Submitting and collecting with commands that play Slurm's: what is given to sbatch, and what squeue's answers come to.
/// </summary>
public sealed class SlurmSubmissionTests
{
    [Fact]
    public void What_is_open_is_submitted_once_and_found_again()
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "there is no bash here");
        using var scratch = new ScratchFolder();
        var sweep = new SmallSweep(scratch);
        string file = sweep.Write("\"runs\": [{\"name\": \"A\"}, {\"name\": \"B\"}, {\"name\": \"C\"}]");
        FakeProgram.Write(scratch, "sbatch", "echo \"$@\" >>'{0}/submitted'; echo \"$(wc -l <'{0}/submitted');cluster\"");
        FakeProgram.Write(scratch, "squeue", "cat '{0}/queue'");
        scratch.Write("queue", "1_0 RUNNING\n1_1 PENDING\n1_2 COMPLETING\n99_0 RUNNING\n");

        CommandResult result = Sweep(scratch, sweep.Command(file, "--slurm"));
        Assert.Equal((0, "1"), (result.ExitCode, result.Output.Trim()));
        Assert.Contains("Submitted 3 of 3 runs as job array 1", result.Error, StringComparison.Ordinal);
        Assert.Equal($"--parsable {sweep.Out}/slurm/sweep-1.sbatch", File.ReadAllText(scratch["submitted"]).Trim());
        Assert.Equal("A:running B:queued C:running", sweep.Statuses);

        result = Sweep(scratch, sweep.Command(file, "--slurm"));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("There is nothing to submit.", result.Error, StringComparison.Ordinal);

        // Here, too, what Slurm has is left alone.
        Assert.Contains("B: Slurm: pending; left alone", Sweep(scratch, sweep.Command(file)).Error, StringComparison.Ordinal);

        // A's task began and is gone, B's never began, C's left an exit code.
        scratch.Write("queue", "");
        Directory.CreateDirectory(Path.Combine(sweep.Out, "A"));
        scratch.Write("out/C/exit-code", "1\n");
        scratch.Write("out/C/log.txt", "device: cpu\nbtrm: No space left.\n");
        result = Sweep(scratch, sweep.Command(file, "--collect"));
        Assert.Equal("A:failed B:missing C:failed", sweep.Statuses);
        Assert.Contains("A: failed: its Slurm task ended without leaving an exit code", result.Output, StringComparison.Ordinal);
        Assert.Contains("C: failed: exit code 1: No space left. (see ", result.Output, StringComparison.Ordinal);

        result = Sweep(scratch, sweep.Command(file, "--slurm", "--only", "C,A"));
        Assert.Equal((0, "2"), (result.ExitCode, result.Output.Trim()));
        scratch.Write("queue", "2_1 PENDING\n");
        Sweep(scratch, sweep.Command(file, "--collect"));
        Assert.Equal("A:failed B:missing C:queued", sweep.Statuses);
    }

    [Fact]
    public void What_sbatch_and_squeue_complain_about_is_passed_on()
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "there is no bash here");
        using var scratch = new ScratchFolder();
        var sweep = new SmallSweep(scratch);
        string file = sweep.Write("\"runs\": [{\"name\": \"A\"}]");
        FakeProgram.Write(scratch, "sbatch", "echo 'invalid partition specified' >&2; exit 1");
        FakeProgram.Write(scratch, "squeue", "echo 'cannot contact the controller' >&2; exit 1");
        CommandResult result = Sweep(scratch, sweep.Command(file, "--slurm"));
        Assert.Equal(2, result.ExitCode);
        Btrm.AssertMessage(result, "sbatch failed with exit code 1: invalid partition specified");

        // Nothing was submitted, so Slurm is not asked, until something is.
        Assert.Equal(1, Sweep(scratch, sweep.Command(file, "--collect")).ExitCode);
        scratch.Write("out/slurm/submissions.jsonl", "{\"job\": \"1\", \"script\": \"s\", \"runs\": [\"A\"]}\n");
        Btrm.AssertMessage(
            Sweep(scratch, sweep.Command(file, "--collect")), "squeue failed with exit code 1: cannot contact the controller");
    }

    private static CommandResult Sweep(ScratchFolder scratch, string[] arguments)
    {
        using var process = new BtrmProcess(arguments, $"PATH='{FakeProgram.Path(scratch)}'");
        return process.Wait();
    }
}
