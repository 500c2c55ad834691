using System.Diagnostics;
using Rm.CacheWorker;
using Rm.Kernels.Cuda.Builds;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>The kernel cache between processes that write at once or are killed while they write.</summary>
public sealed class KernelCacheProcessTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Eight_processes_at_once_on_an_empty_cache_leave_only_good_entries()
    {
        Process[] workers = [.. Enumerable.Range(0, 8).Select(_ => Start("once"))];
        foreach (Process worker in workers)
        {
            using (worker)
            {
                worker.WaitForExit();
                Assert.Equal(0, worker.ExitCode);
            }
        }

        Assert.Equal(CacheEntries.Count, CountGoodEntries());
        Assert.DoesNotContain(Directory.GetFiles(_folder.Path), static file => file.EndsWith(".tmp", StringComparison.Ordinal));
    }

    [Fact]
    public void Killing_a_writer_at_any_moment_never_leaves_a_bad_entry()
    {
        int seed = Environment.TickCount;
        Random random = new(seed);
        int kills = int.Parse(Environment.GetEnvironmentVariable("BTRM_FUZZ_ITERATIONS") ?? "8");
        for (int i = 0; i < kills; i++)
        {
            using Process worker = Start("forever");
            worker.StandardOutput.ReadLine();
            Thread.Sleep(random.Next(1, 60));
            worker.Kill();
            worker.WaitForExit();

            // Every file that has an entry's name must be whole: a bad one would be removed by the read and counted as missing.
            int named = Directory.Exists(_folder.Path) ? Directory.GetFiles(_folder.Path, "*.btrmk").Length : 0;
            Assert.True(CountGoodEntries() == named, $"a bad entry after kill {i}, seed {seed}");
        }

        using Process next = Start("once");
        next.WaitForExit();
        Assert.Equal(0, next.ExitCode);
        Assert.Equal(CacheEntries.Count, CountGoodEntries());
    }

    private int CountGoodEntries()
    {
        KernelCache cache = new(_folder.Path);
        return Enumerable.Range(0, CacheEntries.Count)
            .Count(i => cache.Read(CacheEntries.Key(i)) is { } read && read.AsSpan().SequenceEqual(CacheEntries.Image(i)));
    }

    private Process Start(string mode)
    {
        string worker = Path.Combine(AppContext.BaseDirectory, "Rm.CacheWorker.dll");
        ProcessStartInfo start =
            new(Environment.ProcessPath is { } host && Path.GetFileNameWithoutExtension(host) == "dotnet" ? host : "dotnet")
            {
                RedirectStandardOutput = true,
                ArgumentList = { "exec", worker, mode, _folder.Path },
            };
        return Process.Start(start)!;
    }
}
