using Rm.Host.Tests.EndToEnd;

namespace Rm.Host.Tests.Experiments;

/// <summary>
/// A sweep that is stopped, killed or met by a second one: nothing is lost, and what is resumed has the bits of what was never stopped.
/// </summary>
public sealed class SweepSignalTests
{
    private const int Attempts = 10;

    [Theory]
    [InlineData(BtrmProcess.SigTerm, "SIGTERM")]
    [InlineData(BtrmProcess.SigUsr1, "SIGUSR1")]
    public void A_signal_stops_all_runs_with_checkpoints_and_the_same_command_goes_on(int signal, string name)
    {
        using var reference = new ScratchFolder();
        string matrix = "\"matrix\": {\"seed\": [1, 2, 3]}";
        var undisturbed = new SmallSweep(reference, steps: 80);
        Btrm.Succeed(undisturbed.Command(undisturbed.Write(matrix), "--jobs", "2"));
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            using var scratch = new ScratchFolder();
            var sweep = new SmallSweep(scratch, steps: 80);
            string file = sweep.Write(matrix);
            using BtrmProcess process = Btrm.Start(sweep.Command(file, "--jobs", "2"));
            if (process.WaitFor(() => Lines(sweep, "seed=1") > 3 && Lines(sweep, "seed=2") > 3))
            {
                process.Signal(signal);
            }

            CommandResult result = process.Wait();
            if (result.ExitCode == 0)
            {
                continue; // the machine was too slow to hit a running sweep
            }

            Assert.True(result.ExitCode == 75, $"exit {result.ExitCode}\n{result.Error}");
            Assert.Contains($"Stopped by {name}. The same command goes on", result.Error, StringComparison.Ordinal);
            Assert.DoesNotContain("failed", sweep.Statuses, StringComparison.Ordinal);
            if (!sweep.Statuses.StartsWith("seed=1:stopped seed=2:stopped", StringComparison.Ordinal))
            {
                continue; // one of them had ended, and the third may have begun, before the signal was read
            }

            Assert.EndsWith("seed=3:missing", sweep.Statuses, StringComparison.Ordinal);

            Btrm.Succeed(sweep.Command(file));
            foreach (string run in new[] { "seed=1", "seed=2", "seed=3" })
            {
                const string Adapter = "final/adapter_model.safetensors";
                Assert.Equal(File.ReadAllBytes(Path.Combine(undisturbed.Out, run, Adapter)),
                    File.ReadAllBytes(Path.Combine(sweep.Out, run, Adapter)));
            }

            Assert.Contains("Resuming from", sweep.Log("seed=1") + sweep.Log("seed=2"), StringComparison.Ordinal);
            return;
        }

        Assert.Fail($"no signal reached a running sweep in {Attempts} attempts");
    }

    [Fact]
    public void Runs_of_a_killed_sweep_go_on_and_a_second_sweep_leaves_them_alone()
    {
        using var scratch = new ScratchFolder();
        var sweep = new SmallSweep(scratch, steps: 60);
        string file =
            sweep.Write("\"runs\": [{\"name\": \"A\", \"settings\": {\"steps\": 3000}}, {\"name\": \"B\", \"settings\": {\"steps\": 2}}]");
        using BtrmProcess first = Btrm.Start(sweep.Command(file));
        Assert.True(first.WaitFor(() => Lines(sweep, "A") > 1), first.Error);
        first.Signal(BtrmProcess.SigKill);
        first.Wait();
        try
        {
            CommandResult result = Btrm.Fail(1, sweep.Command(file), "1 of 2 runs have no result: A");
            Assert.Contains("A: another process is at it; left alone", result.Error, StringComparison.Ordinal);
            Assert.Equal("A:running B:finished", sweep.Statuses);
        }
        finally
        {
            StopTrainingOf(Path.Combine(sweep.Out, "A"));
        }
    }

    // The orphan is found by the folder on its command line: nothing else is ended.
    private static void StopTrainingOf(string folder)
    {
        foreach (string status in Directory.EnumerateDirectories("/proc").Where(d => int.TryParse(Path.GetFileName(d), out _)))
        {
            try
            {
                if (File.ReadAllText(Path.Combine(status, "cmdline")).Contains($"--output-dir={folder}\0", StringComparison.Ordinal))
                {
                    using var process = System.Diagnostics.Process.GetProcessById(
                        int.Parse(Path.GetFileName(status), System.Globalization.CultureInfo.InvariantCulture));
                    process.Kill();
                    process.WaitForExit();
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException)
            {
                // Processes come and go while the list is read.
            }
        }
    }

    private static int Lines(SmallSweep sweep, string run)
    {
        string path = Path.Combine(sweep.Out, run, "metrics.jsonl");
        try
        {
            return File.Exists(path) ? File.ReadLines(path).Count() : 0;
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
