using Rm.Kernels.Cpu.Threading;

namespace Rm.Kernels.Tests.Cpu.Threading;

public sealed class CpuThreadsTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(9)]
    public void Every_item_runs_exactly_once(int count)
    {
        using var threads = new CpuThreads(count);
        Assert.Equal(count, threads.Count);
        for (int items = 0; items < 300; items++)
        {
            int[] runs = new int[items];
            threads.For(items, i => Interlocked.Increment(ref runs[i]));
            Assert.All(runs, n => Assert.Equal(1, n));
        }
    }

    [Fact]
    public void Thousands_of_loops_in_a_row_lose_no_item()
    {
        using var threads = new CpuThreads(4);
        long total = 0;
        for (int i = 0; i < 20_000; i++)
        {
            // Odd loops are tiny, so that workers are still leaving one when the next begins.
            threads.For(2 + (i % 5), item => Interlocked.Add(ref total, item + 1));
            if (i % 4000 == 0)
            {
                Thread.Sleep(2); // long enough for the workers to park
            }
        }

        long expected = 0;
        for (int i = 0; i < 20_000; i++)
        {
            int items = 2 + (i % 5);
            expected += items * (items + 1) / 2;
        }

        Assert.Equal(expected, total);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Exceptions_reach_the_caller_and_the_team_goes_on(int count)
    {
        using var threads = new CpuThreads(count);
        for (int round = 0; round < 50; round++)
        {
            int failing = round;
            InvalidDataException e = Assert.Throws<InvalidDataException>(() => threads.For(50, i =>
            {
                if (i == failing)
                {
                    throw new InvalidDataException($"item {i}");
                }
            }));
            Assert.Equal($"item {failing}", e.Message);
            int ran = 0;
            threads.For(20, _ => Interlocked.Increment(ref ran));
            Assert.Equal(20, ran);
        }
    }

    [Fact]
    public void A_loop_inside_a_loop_runs_serially()
    {
        using var threads = new CpuThreads(3);
        int ran = 0;
        threads.For(8, _ =>
        {
            int thread = Environment.CurrentManagedThreadId;
            threads.For(16, _ =>
            {
                Assert.Equal(thread, Environment.CurrentManagedThreadId);
                Interlocked.Increment(ref ran);
            });
        });
        Assert.Equal(128, ran);
    }

    [Fact]
    public void Several_callers_take_turns()
    {
        using var threads = new CpuThreads(3);
        int ran = 0;
        Thread[] callers = [.. Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < 200; i++)
            {
                threads.For(10, _ => Interlocked.Increment(ref ran));
            }
        }))];
        foreach (Thread caller in callers)
        {
            caller.Start();
        }

        foreach (Thread caller in callers)
        {
            caller.Join();
        }

        Assert.Equal(8000, ran);
    }

    [Fact]
    public void A_loop_allocates_nothing()
    {
        using var threads = new CpuThreads(2);
        int[] target = new int[64];
        var body = new MarkBody(target);
        threads.For(64, body);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            threads.For(64, body);
        }

        // Waiting for a worker that another process delays may set up a wait; a loop by itself may not.
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 100 * 24, "every loop allocated");
        Assert.All(target, value => Assert.Equal(1, value));
    }

    [Fact]
    public void Bad_counts_and_use_after_disposal_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new CpuThreads(-1));
        Assert.Throws<ArgumentException>(() => new CpuThreads(1025));
        var threads = new CpuThreads(2);
        threads.Dispose();
        threads.Dispose();
        Assert.Throws<ObjectDisposedException>(() => threads.For(2, _ => { }));
        using var all = new CpuThreads();
        Assert.Equal(Environment.ProcessorCount, all.Count);
    }

    private readonly struct MarkBody(int[] target) : IParallelBody
    {
        public void Run(int item) => target[item] = 1;
    }
}
