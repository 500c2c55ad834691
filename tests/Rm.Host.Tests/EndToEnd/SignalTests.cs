using System.Globalization;
using System.Text.RegularExpressions;

namespace Rm.Host.Tests.EndToEnd;

/// <summary>
/// What Slurm, a terminal and an operator send: a checkpoint within a step, exit code 75, and a resumed run that ends with the same bits.
/// </summary>
public sealed partial class SignalTests
{
    // A signal may come too late on a busy machine, when the run has ended; then it is tried again.
    private const int Attempts = 20;

    [Theory]
    [InlineData(BtrmProcess.SigTerm, "SIGTERM")]
    [InlineData(BtrmProcess.SigInt, "SIGINT")]
    [InlineData(BtrmProcess.SigUsr1, "SIGUSR1")]
    public void A_signal_ends_the_run_with_a_checkpoint_to_resume_from(int signal, string name)
    {
        const int Steps = 60;
        Assert.SkipWhen(
            IsIgnored(signal), $"{name} is ignored here (a shell's background job ignores SIGINT), and what it starts inherits that");
        using var scratch = new ScratchFolder();
        var run = new SmallRun(scratch);
        Btrm.Succeed(run.Arguments("reference", Steps, saveEvery: 0));
        (CommandResult result, string output) = Interrupt(
            signal, attempt => run.Arguments($"run-{attempt}", Steps, saveEvery: 0), attempt => run.LogLength($"run-{attempt}") > 1000);
        Match stopped = StoppedAt().Match(result.Error);
        Assert.True(stopped.Success, result.Error);
        Assert.Equal(name, stopped.Groups["signal"].Value);
        int step = int.Parse(stopped.Groups["step"].Value, CultureInfo.InvariantCulture);
        Assert.InRange(step, 1, Steps);
        Assert.True(Directory.Exists(scratch[$"{output}/checkpoints/step-{step}"]));
        Assert.DoesNotContain("   at ", result.Error, StringComparison.Ordinal);

        Btrm.Succeed([.. run.Arguments(output, Steps, saveEvery: 0), "--resume", "auto"]);
        run.AssertSame("reference", output, $"{name} at step {step}");
    }

    [Fact]
    public void A_signal_during_an_evaluation_ends_the_run_too()
    {
        const int Steps = 4;
        using var scratch = new ScratchFolder();
        var run = new SmallRun(scratch, evalPairs: 600);
        Btrm.Succeed(run.Arguments("reference", Steps));

        // run.json is there when the evaluation before the first step begins, which takes much longer than everything before it.
        (CommandResult result, string output) = Interrupt(
            BtrmProcess.SigTerm, attempt => run.Arguments($"run-{attempt}", Steps), attempt =>
                File.Exists(scratch[$"run-{attempt}/run.json"]));
        Assert.Contains("Stopped by SIGTERM at step", result.Error, StringComparison.Ordinal);
        Btrm.Succeed([.. run.Arguments(output, Steps), "--resume", "auto"]);
        run.AssertSame("reference", output, "SIGTERM during an evaluation");
    }

    // SigIgn of /proc/self/status is a mask with bit n - 1 for signal n.
    internal static bool IsIgnored(int signal) => File.Exists("/proc/self/status")
        && File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith("SigIgn:", StringComparison.Ordinal)) is { } mask
        && (ulong.Parse(mask["SigIgn:".Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) >> (signal - 1) & 1) != 0;

    private static (CommandResult Result, string Output) Interrupt(int signal, Func<int, string[]> arguments, Func<int, bool> isTime)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            using BtrmProcess process = Btrm.Start(arguments(attempt));
            if (process.WaitFor(() => isTime(attempt)))
            {
                process.Signal(signal);
            }

            CommandResult result = process.Wait();
            if (result.ExitCode != 0)
            {
                Assert.True(result.ExitCode == 75, $"exit {result.ExitCode}\n{result.Error}");
                return (result, $"run-{attempt}");
            }
        }

        throw new InvalidOperationException($"no signal reached a running process in {Attempts} attempts");
    }

    [GeneratedRegex("Stopped by (?<signal>\\w+) at step (?<step>\\d+);")]
    private static partial Regex StoppedAt();
}
