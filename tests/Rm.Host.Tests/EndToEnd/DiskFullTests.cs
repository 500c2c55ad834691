using System.Diagnostics;

namespace Rm.Host.Tests.EndToEnd;

/// <summary>
/// A disk that fills up in the middle of a run: a clear message, the older checkpoint intact, nothing half written, and a run that goes on.
/// </summary>
public sealed class DiskFullTests
{
    [Fact]
    public void A_full_disk_costs_the_save_and_not_the_run()
    {
        using var scratch = new ScratchFolder();
        var run = new SmallRun(scratch);
        Btrm.Succeed(run.Arguments("reference"));
        Directory.CreateDirectory(scratch["small"]);
        Assert.SkipUnless(TryMount(scratch["small"], "size=1200k"), "mounting a small file system needs root");
        try
        {
            // Fills most of it, so that the first checkpoints fit and a later one does not.
            File.WriteAllBytes(scratch["small/other"], new byte[500_000]);
            CommandResult result = Btrm.Run(run.Arguments("small/out", saveEvery: 1, keep: 9));
            Assert.True(result.ExitCode == 1, result.Error);
            Btrm.AssertMessage(result, "disk is full");
            string[] checkpoints = Directory.GetDirectories(scratch["small/out/checkpoints"]);
            Assert.NotEmpty(checkpoints);
            Assert.All(checkpoints, c => Assert.StartsWith("step-", Path.GetFileName(c), StringComparison.Ordinal));

            File.Delete(scratch["small/other"]);
            Btrm.Succeed([.. run.Arguments("small/out"), "--resume", "auto"]);
            run.AssertSame("reference", "small/out", "the disk was full");
        }
        finally
        {
            using var unmount = Process.Start("umount", ["-l", scratch["small"]]);
            unmount.WaitForExit();
        }
    }

    private static bool TryMount(string folder, string options)
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root")
        {
            return false;
        }

        var start = new ProcessStartInfo("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]) { RedirectStandardError = true };
        using Process mount = Process.Start(start)!;
        mount.WaitForExit();
        return mount.ExitCode == 0;
    }
}
