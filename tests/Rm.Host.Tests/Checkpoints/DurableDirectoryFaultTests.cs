using System.Text;
using Rm.Formats.Files;

namespace Rm.Host.Tests.Checkpoints;

/// <summary>A save is stopped, or one of its operations fails, at every single step; a reader must find one complete version.</summary>
public sealed class DurableDirectoryFaultTests
{
    private const int PowerCuts = 12;
    private static readonly string Parent = Path.GetFullPath("/sim/run");
    private static readonly string Target = Path.Combine(Parent, "best");

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void A_killed_save_leaves_the_old_or_the_new_folder_complete(bool canExchange, bool hasOld)
    {
        int steps = Run(canExchange, hasOld, _ => { }).Disk.Steps;
        Assert.True(steps > 8, $"only {steps} steps: the simulation is not connected");
        for (int step = 0; step <= steps; step++)
        {
            for (int cut = -1; cut < PowerCuts; cut++)
            {
                (SimulatedDisk? disk, bool committed) = Run(canExchange, hasOld, d => d.KillAt = step);
                Assert.Equal(step == steps, committed);
                SimulatedDisk survivor = cut < 0 ? disk.NextProcess() : disk.AfterPowerCut(cut);
                string what = $"killed at step {step}, power cut {cut}";
                string seen = CheckComplete(survivor, committed ? ["new"] : hasOld ? ["old", "new"] : ["", "new"], what);

                // The next process tidies up, finds the same version, and can save.
                DurableDirectory.CleanStale(Parent, false, survivor, _ => false);
                Assert.Equal(seen, CheckComplete(survivor, ["old", "new", ""], what));
                Assert.All(survivor.ListDirectories(Parent), name => Assert.Equal("best", name));
                Save(survivor, "third");
                CheckComplete(survivor, ["third"], what);
            }
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_second_kill_while_the_next_process_tidies_up_and_saves_changes_nothing(bool canExchange)
    {
        int steps = Run(canExchange, true, _ => { }).Disk.Steps;
        for (int first = 0; first < steps; first++)
        {
            for (int second = 0, done = 0; done == 0; second++)
            {
                (SimulatedDisk? disk, bool _) = Run(canExchange, true, d => d.KillAt = first);
                disk = (first + second) % 3 == 0 ? disk.NextProcess() : disk.AfterPowerCut(second % PowerCuts);
                disk.KillAt = second;
                done = Attempt(() =>
                {
                    DurableDirectory.CleanStale(Parent, false, disk, _ => false);
                    Save(disk, "third");
                }) ? 1 : 0;
                SimulatedDisk survivor = second % 2 == 0 ? disk.NextProcess() : disk.AfterPowerCut(first % PowerCuts);
                CheckComplete(survivor, done == 1 ? ["third"] : ["old", "new", "third"], $"killed at {first}, then at {second}");
            }
        }
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void A_failing_operation_is_reported_and_leaves_a_complete_folder(bool canExchange, bool hasOld)
    {
        int steps = Run(canExchange, hasOld, _ => { }).Disk.Steps;
        int reported = 0;
        for (int step = 0; step < steps; step++)
        {
            SimulatedDisk disk = WithOld(canExchange, hasOld);
            disk.FailAt = step;
            Exception? error = Record.Exception(() => Save(disk, "new"));
            string seen = CheckComplete(disk, hasOld ? ["old", "new"] : ["", "new"], $"step {step} failed");
            if (error is null)
            {
                Assert.Equal("new", seen); // only the removal of the old folder failed
            }
            else
            {
                Assert.Contains(Target, Assert.IsType<SaveFailedException>(error).Message, StringComparison.Ordinal);
                reported++;
            }

            DurableDirectory.CleanStale(Parent, false, disk.NextProcess(), _ => false);
            Assert.All(disk.ListDirectories(Parent), name => Assert.Equal("best", name));
        }

        Assert.True(reported >= 8, $"only {reported} of {steps} faults were reported");
    }

    [Fact]
    public void A_full_disk_is_said_with_the_path_and_the_bytes_and_nothing_is_left()
    {
        SimulatedDisk disk = WithOld(canExchange: true, hasOld: true);
        disk.Free = 10;
        SaveFailedException early = Assert.Throws<SaveFailedException>(() => Save(disk, "new"));
        Assert.Contains(
            $"{Target}: the disk is full: a.bin needs 24 more bytes, 10 bytes are free", early.Message, StringComparison.Ordinal);
        Assert.Equal(["best"], disk.ListDirectories(Parent));

        // The check before the write is only a forecast: the write itself may meet a full disk, here with half of 24 bytes written.
        disk = WithOld(canExchange: true, hasOld: true);
        disk.FailAt = 2;
        SaveFailedException late = Assert.Throws<SaveFailedException>(() => Save(disk, "new"));
        Assert.Contains($"{Target}: the disk is full: a.bin needs 12 more bytes", late.Message, StringComparison.Ordinal);
        Assert.Equal(["best"], disk.ListDirectories(Parent));
        CheckComplete(disk, ["old"], "disk full");
    }

    private static (SimulatedDisk Disk, bool Committed) Run(bool canExchange, bool hasOld, Action<SimulatedDisk> fault)
    {
        SimulatedDisk disk = WithOld(canExchange, hasOld);
        fault(disk);
        return (disk, Attempt(() => Save(disk, "new")));
    }

    private static bool Attempt(Action action)
    {
        try
        {
            action();
            return true;
        }
        catch (ProcessKilledException)
        {
            return false;
        }
    }

    private static SimulatedDisk WithOld(bool canExchange, bool hasOld)
    {
        var disk = new SimulatedDisk(canExchange);
        disk.CreateDirectory(Parent);
        disk.FlushDirectory(Path.GetDirectoryName(Parent)!);
        disk.FlushDirectory("/");
        if (hasOld)
        {
            Save(disk, "old");
        }

        return disk.NextProcess();
    }

    private static byte[] Content(string version, string file) => Encoding.UTF8.GetBytes($"{version}:{file}".PadRight(24, '.'));

    private static void Save(SimulatedDisk disk, string version)
    {
        using var save = DurableDirectory.Begin(Target, disk);
        save.Write("a.bin", Content(version, "a.bin"));
        save.Write("b.json", stream => stream.Write(Content(version, "b.json")));
        save.Commit();
    }

    private static string CheckComplete(SimulatedDisk disk, string[] allowed, string what)
    {
        Dictionary<string, byte[]>? files = disk.Read(DurableDirectory.Resolve(Target, disk));
        string seen = "";
        if (files is not null)
        {
            Assert.True(
                files.TryGetValue("a.bin", out byte[]? a) && files.Count == 2, $"{what}: half a folder: {string.Join(", ", files.Keys)}");
            seen = new[] { "old", "new", "third" }.FirstOrDefault(version => a!.AsSpan().SequenceEqual(Content(version, "a.bin")))
                ?? "torn";
            Assert.True(files["b.json"].AsSpan().SequenceEqual(Content(seen, "b.json")), $"{what}: mixed or torn files");
        }

        Assert.True(allowed.Contains(seen), $"{what}: the reader found \"{seen}\", allowed are {string.Join(", ", allowed)}");
        return seen;
    }
}
