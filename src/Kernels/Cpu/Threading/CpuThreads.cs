using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;

namespace Rm.Kernels.Cpu.Threading;

/// <summary>
/// A team of threads for parallel loops: the caller plus <c>Count - 1</c> workers that spin briefly between loops and then park.
/// </summary>
/// <remarks>
/// Items are handed out by an atomic counter, so which thread runs an item is not fixed: bodies must compute the same bits whoever
/// runs them. Loops of several callers run one after the other; a loop inside a body runs serially on its own thread.
/// </remarks>
public sealed unsafe class CpuThreads : IDisposable
{
    // Operations of a model follow each other within microseconds; parking costs about 50 us to undo, so spin about that long.
    private static readonly long SpinTicks = Stopwatch.Frequency / 10_000;

    [ThreadStatic]
    private static bool s_insideLoop;

    private readonly Lock _oneLoopAtATime = new();
    private readonly Worker[] _workers;
    private readonly Parking _caller = new();
    private LoopState _loop;
    private volatile bool _stopping;
    private bool _disposed;

    /// <summary>Starts a team.</summary>
    /// <param name="count">Threads that take part in a loop, the caller included; 0 for one per processor.</param>
    /// <exception cref="ArgumentException"><paramref name="count"/> is negative or above 1024.</exception>
    public CpuThreads(int count = 0)
    {
        if (count is < 0 or > 1024)
        {
            throw new ArgumentException($"A thread team has 1 to 1024 threads (0: one per processor), not {count}.", nameof(count));
        }

        Count = count == 0 ? Environment.ProcessorCount : count;
        _workers = new Worker[Count - 1];
        for (int i = 0; i < _workers.Length; i++)
        {
            _workers[i] = new Worker(this, i + 1);
        }
    }

    /// <summary>Threads that take part in a loop, the caller included.</summary>
    public int Count { get; }

    /// <summary>Runs <paramref name="body"/> for every item from 0 to <paramref name="items"/> - 1 and returns when all are done.</summary>
    /// <typeparam name="TBody">A struct; the team works on one shared copy of it, so its fields must not change.</typeparam>
    /// <exception cref="Exception">The first exception that a body threw; remaining items may then have been skipped.</exception>
    /// <exception cref="ObjectDisposedException">The team is disposed.</exception>
    public void For<TBody>(int items, TBody body)
        where TBody : struct, IParallelBody
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (items <= 1 || _workers.Length == 0 || s_insideLoop)
        {
            for (int i = 0; i < items; i++)
            {
                body.Run(i);
            }

            return;
        }

        lock (_oneLoopAtATime)
        {
            // The copy lies on this stack, which outlives the loop, so the workers may use its address.
            TBody shared = body;
            RunLoop(items, &Invoke<TBody>, Unsafe.AsPointer(ref shared));
        }
    }

    /// <summary>
    /// Runs <paramref name="body"/> for every item, see <see cref="For{TBody}(int, TBody)"/>. For code that need not avoid allocation.
    /// </summary>
    /// <param name="items">Number of items.</param>
    /// <param name="body">Called once per item with its index.</param>
    public void For(int items, Action<int> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        For(items, new DelegateBody(body));
    }

    /// <summary>Ends the worker threads.</summary>
    public void Dispose()
    {
        lock (_oneLoopAtATime)
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            _stopping = true;
            foreach (Worker worker in _workers)
            {
                worker.Parking.Signal();
            }
        }

        foreach (Worker worker in _workers)
        {
            worker.Thread.Join();
            worker.Parking.Dispose();
        }

        _caller.Dispose();
    }

    private static void Invoke<TBody>(void* body, int item)
        where TBody : struct, IParallelBody
        => Unsafe.AsRef<TBody>(body).Run(item);

    private void RunLoop(int items, delegate*<void*, int, void> run, void* body)
    {
        // No more workers than items left for them: a woken worker without work only costs.
        int helpers = Math.Min(_workers.Length, items - 1);
        _loop.Run = run;
        _loop.Body = body;
        _loop.Items = items;
        _loop.Error = null;
        _loop.Next = 0;
        Interlocked.Exchange(ref _loop.Gate, LoopState.Open);
        for (int i = 0; i < helpers; i++)
        {
            _workers[i].Parking.Signal();
        }

        TakeItems();

        // From here on nobody joins: a worker that has not woken by now is not waited for. A signal may arrive after its loop has ended
        // and wake the next one's caller early, hence the loop.
        Interlocked.And(ref _loop.Gate, ~LoopState.Open);
        while (Volatile.Read(ref _loop.Gate) != 0)
        {
            _caller.Wait();
        }

        if (_loop.Error is { } error)
        {
            ExceptionDispatchInfo.Throw(error);
        }
    }

    private void TakeItems()
    {
        s_insideLoop = true;
        try
        {
            long item;
            while ((item = Interlocked.Increment(ref _loop.Next) - 1) < _loop.Items)
            {
                _loop.Run(_loop.Body, (int)item);
            }
        }
#pragma warning disable CA1031 // Whatever a body throws belongs to the caller of the loop, which rethrows it.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Interlocked.CompareExchange(ref _loop.Error, e, null);
            Volatile.Write(ref _loop.Next, _loop.Items);
        }
        finally
        {
            s_insideLoop = false;
        }
    }

    private void WorkerMain(object? state)
    {
        var worker = (Worker)state!;
        while (true)
        {
            worker.Parking.Wait();
            if (_stopping)
            {
                return;
            }

            if (TryJoin())
            {
                TakeItems();
                if (Interlocked.Decrement(ref _loop.Gate) == 0)
                {
                    _caller.Signal();
                }
            }
        }
    }

    private bool TryJoin()
    {
        int gate = Volatile.Read(ref _loop.Gate);
        while ((gate & LoopState.Open) != 0)
        {
            int seen = Interlocked.CompareExchange(ref _loop.Gate, gate + 1, gate);
            if (seen == gate)
            {
                return true;
            }

            gate = seen;
        }

        return false;
    }

    private readonly struct DelegateBody(Action<int> body) : IParallelBody
    {
        public void Run(int item) => body(item);
    }

    private struct LoopState
    {
        public const int Open = 1 << 30;

        public delegate*<void*, int, void> Run;
        public void* Body;
        public int Items;
        public long Next; // passes Items by up to one per thread

        /// <summary>The number of workers in the loop, plus <see cref="Open"/> while more may join.</summary>
        public int Gate;

        public Exception? Error;
    }

    private sealed class Worker
    {
        public Worker(CpuThreads team, int index)
        {
            Thread = new Thread(team.WorkerMain) { IsBackground = true, Name = $"btrm cpu {index}" };
            Thread.Start(this);
        }

        public Parking Parking { get; } = new();

        public Thread Thread { get; }
    }

    /// <summary>
    /// An auto-reset signal for one waiter, which spins before it sleeps; signalling a spinning waiter makes no system call.
    /// </summary>
    private sealed class Parking : IDisposable
    {
        private const int Idle = 0;
        private const int Signalled = 1;
        private const int Asleep = 2;

        private readonly SemaphoreSlim _sleep = new(0);
        private int _state;

        public void Signal()
        {
            if (Interlocked.Exchange(ref _state, Signalled) == Asleep)
            {
                _sleep.Release();
            }
        }

        public void Wait()
        {
            long until = Stopwatch.GetTimestamp() + SpinTicks;
            while (Volatile.Read(ref _state) != Signalled)
            {
                Thread.SpinWait(8);
                if (Stopwatch.GetTimestamp() > until)
                {
                    if (Interlocked.CompareExchange(ref _state, Asleep, Idle) == Idle)
                    {
                        _sleep.Wait();
                    }

                    break;
                }
            }

            // A full fence: what the waiter looks at next must not have been read before its own state says that it looks.
            Interlocked.Exchange(ref _state, Idle);
        }

        public void Dispose() => _sleep.Dispose();
    }
}
