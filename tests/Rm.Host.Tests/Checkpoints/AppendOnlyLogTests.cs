using System.Text;
using Rm.Formats;
using Rm.Formats.Files;

namespace Rm.Host.Tests.Checkpoints;

public sealed class AppendOnlyLogTests : IDisposable
{
    private static readonly string SimulatedPath = Path.GetFullPath("/sim/metrics.jsonl");
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Lines_are_there_as_soon_as_they_are_appended_and_stay_on_reopening()
    {
        string path = _folder["metrics.jsonl"];
        using (var log = AppendOnlyLog.Open(path))
        {
            log.Append("""{"step":1}""");
            Assert.Equal("{\"step\":1}\n", ReadShared(path));
            log.Sync();
        }

        using (var log = AppendOnlyLog.Open(path))
        {
            log.Append("""{"step":2}""");
            Assert.Equal(0, log.DroppedBytes);
            Assert.Throws<ArgumentException>(() => log.Append("{\n}"));
        }

        Assert.Equal("{\"step\":1}\n{\"step\":2}\n", File.ReadAllText(path));
    }

    [Theory]
    [InlineData("{\"step\":1}\n{\"st", "{\"step\":1}\n")]
    [InlineData("{\"step\":1}\n{\"step\":2}", "{\"step\":1}\n")]
    [InlineData("{\"step\":1}\n{\"st\n", "{\"step\":1}\n")]
    [InlineData("{\"step\":1}\n\0\0\0\0", "{\"step\":1}\n")]
    [InlineData("{\"step\":1}\n\0\0\0\0p\":2}\n{\"step\":3}\n", "{\"step\":1}\n")]
    [InlineData("{\"st", "")]
    [InlineData("", "")]
    public void A_torn_end_is_dropped(string content, string kept)
    {
        string path = _folder.Write("metrics.jsonl", content);
        using (var log = AppendOnlyLog.Open(path))
        {
            Assert.Equal(content.Length - kept.Length, log.DroppedBytes);
            log.Append("""{"step":9}""");
        }

        Assert.Equal(kept + "{\"step\":9}\n", File.ReadAllText(path));
    }

    [Theory]
    [InlineData("not json\n{\"step\":1}\n", "line 1")]
    [InlineData("{\"step\":1}\n[]\n{\"step\":1}\n", "line 2")]
    public void A_bad_line_in_the_middle_is_no_torn_end(string content, string line)
    {
        string path = _folder.Write("metrics.jsonl", content);
        Assert.Contains(
            $"{path}: {line} ", Assert.Throws<UserInputException>(() => AppendOnlyLog.Open(path)).Message, StringComparison.Ordinal);
        Assert.Equal(content, File.ReadAllText(path));
    }

    [Fact]
    public void Resuming_removes_what_came_after_the_step()
    {
        string path = _folder["metrics.jsonl"];
        using (var log = AppendOnlyLog.Open(path))
        {
            foreach (string? line in new[] { """{"event":"start"}""", """{"step":1}""", """{"step":2}""", """{"step":2,"eval_loss":1}""", """{"step":3}""", """{"event":"x"}""" })
            {
                log.Append(line);
            }

            Assert.Equal(0, log.TruncateAfter(3));
            Assert.Equal(2, log.TruncateAfter(2));
            log.Append("""{"step":3,"again":true}""");
        }

        Assert.Equal(
            "{\"event\":\"start\"}\n{\"step\":1}\n{\"step\":2}\n{\"step\":2,\"eval_loss\":1}\n{\"step\":3,\"again\":true}\n",
            File.ReadAllText(path));
    }

    [Fact]
    public void Long_logs_and_long_lines_are_scanned_and_absurd_ones_refused()
    {
        string path = _folder["metrics.jsonl"];
        string wide = new string('x', 200_000);
        using (var log = AppendOnlyLog.Open(path))
        {
            for (int step = 0; step < 3000; step++)
            {
                log.Append($$"""{"step":{{step}},"text":"{{(step % 1000 == 7 ? wide : "a")}}"}""");
            }
        }

        using (var log = AppendOnlyLog.Open(path))
        {
            Assert.Equal(992, log.TruncateAfter(2007));
        }

        Assert.Equal(2008, File.ReadLines(path).Count());
        File.WriteAllBytes(path, Enumerable.Repeat((byte)'x', 40 << 20).ToArray());
        Assert.Contains("longer than", Assert.Throws<UserInputException>(() => AppendOnlyLog.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_log_that_is_killed_or_loses_power_keeps_whole_lines_and_all_synced_ones()
    {
        int steps = Run(_ => { }).Disk.Steps;
        Assert.True(steps > 10);
        for (int step = 0; step <= steps; step++)
        {
            for (int cut = -1; cut < 12; cut++)
            {
                (SimulatedDisk? disk, int synced, int started) = Run(d => d.KillAt = step);
                SimulatedDisk survivor = cut < 0 ? disk.NextProcess() : disk.AfterPowerCut(cut);
                AppendOnlyLog.Open(SimulatedPath, survivor).Dispose();
                string text = Encoding.UTF8.GetString(survivor.Read("/sim")!["metrics.jsonl"]);
                string[] lines = text.Split('\n')[..^1];
                Assert.True(text.Length == 0 || text.EndsWith('\n'));
                Assert.Equal(Enumerable.Range(0, lines.Length).Select(LineOf), lines);
                Assert.InRange(lines.Length, synced, started);
            }
        }
    }

    [Fact]
    public void A_line_that_fails_leaves_no_half_of_it()
    {
        SimulatedDisk disk = NewDisk();
        using var log = AppendOnlyLog.Open(SimulatedPath, disk);
        log.Append(LineOf(0));
        disk.FailAt = disk.Steps;
        Assert.Contains(
            "the disk is full", Assert.Throws<SaveFailedException>(() => log.Append(LineOf(1))).Message, StringComparison.Ordinal);
        log.Append(LineOf(2));
        Assert.Equal($"{LineOf(0)}\n{LineOf(2)}\n", Encoding.UTF8.GetString(disk.Read("/sim")!["metrics.jsonl"]));
    }

    private static string LineOf(int i) => $$"""{"step":{{i}},"loss":0.5}""";

    private static SimulatedDisk NewDisk()
    {
        var disk = new SimulatedDisk(canExchange: true);
        disk.CreateDirectory(Path.GetDirectoryName(SimulatedPath)!);
        disk.FlushDirectory("/");
        return disk.NextProcess();
    }

    private static (SimulatedDisk Disk, int Synced, int Started) Run(Action<SimulatedDisk> fault)
    {
        SimulatedDisk disk = NewDisk();
        fault(disk);
        int synced = 0, started = 0;
        try
        {
            using var log = AppendOnlyLog.Open(SimulatedPath, disk);
            while (started < 8)
            {
                log.Append(LineOf(started++));
                if (started % 3 == 0)
                {
                    log.Sync();
                    synced = started;
                }
            }
        }
        catch (ProcessKilledException)
        {
            // the point of the run
        }

        return (disk, synced, started);
    }

    // The log is open for writing: on Windows a plain read would be refused.
    private static string ReadShared(string path)
    {
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd();
    }
}
