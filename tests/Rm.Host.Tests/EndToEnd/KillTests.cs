namespace Rm.Host.Tests.EndToEnd;

/// <summary>
/// SIGKILL at random moments: whatever is lost in between, the resumed run ends with the bits of a run that was never stopped.
/// </summary>
public sealed class KillTests
{
    private const int Kills = 20;

    [Fact]
    public void Twenty_kills_at_random_moments_resume_to_the_same_bits()
    {
        const int Seed = 20_26;
        var random = new Random(Seed);
        using var scratch = new ScratchFolder();
        var run = new SmallRun(scratch);
        Btrm.Succeed(run.Arguments("reference"));

        int kills = 0, rounds = 0;
        while (kills < Kills)
        {
            string output = $"run-{rounds++}";
            while (KillOnce(run, output, random))
            {
                kills++;
            }

            run.AssertSame("reference", output, $"seed {Seed}, round {rounds}, {kills} kills");
        }
    }

    // True when the process was killed, false when it was faster and ended.
    private static bool KillOnce(SmallRun run, string output, Random random)
    {
        using BtrmProcess process = Btrm.Start([.. run.Arguments(output), "--resume", "auto"]);
        long goal = run.LogLength(output) + random.Next(1, 4000);
        bool early = random.Next(6) == 0;
        if (early || process.WaitFor(() => run.LogLength(output) >= goal))
        {
            Thread.Sleep(random.Next(early ? 300 : 15));
            process.Signal(BtrmProcess.SigKill);
        }

        CommandResult result = process.Wait();
        Assert.True(result.ExitCode is 0 or 128 + BtrmProcess.SigKill, result.Error);
        return result.ExitCode != 0;
    }
}
