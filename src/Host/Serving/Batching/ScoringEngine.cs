using System.Diagnostics;
using System.Globalization;
using Rm.Host.Serving.Models;
using Rm.Host.Serving.Telemetry;
using Rm.Kernels.Ops;
using Rm.Training.Model;

namespace Rm.Host.Serving.Batching;

/// <summary>
/// Scores what requests hand in, on one thread: whenever a micro-batch ends, the next is composed of what waits then. Cancelled requests
/// leave the queue at once. A reward depends on its own tokens alone.
/// </summary>
internal sealed class ScoringEngine : IDisposable
{
    // What is looked at for shared prefixes, in packed micro-batches and sequences: bounds the time that composing takes.
    private const int WindowBatches = 16;
    private const int WindowSequences = 4096;

    private readonly Lock _lock = new();
    private readonly LinkedList<ScoringJob> _queue = [];
    private readonly SemaphoreSlim _arrived = new(0);
    private readonly Thread _thread;
    private readonly int _budget;
    private readonly bool _sharePrefixes;
    private readonly long _maxQueueTokens;
    private readonly ServerMetrics _metrics;
    private long _waitingTokens;
    private double _tokensPerSecond;
    private bool _stopping;

    /// <summary>Starts the thread.</summary>
    /// <param name="microTokenBudget">Packed tokens of a micro-batch.</param>
    /// <param name="sharePrefixes">Whether what sequences begin with is computed once.</param>
    /// <param name="maxQueueTokens">Tokens that may wait.</param>
    /// <param name="metrics">Where figures go.</param>
    public ScoringEngine(int microTokenBudget, bool sharePrefixes, long maxQueueTokens, ServerMetrics metrics)
    {
        (_budget, _sharePrefixes, _maxQueueTokens, _metrics) = (microTokenBudget, sharePrefixes, maxQueueTokens, metrics);
        _thread = new Thread(Run) { IsBackground = true, Name = "scoring" };
        _thread.Start();
    }

    /// <summary>Tokens that wait.</summary>
    public long WaitingTokens => Interlocked.Read(ref _waitingTokens);

    /// <summary>
    /// Rewards of sequences, in their order. Throws a 429 <see cref="ApiException"/> when the queue is full; cancelled, the sequences that
    /// have not been computed never are.
    /// </summary>
    public async Task<float[]> ScoreAsync(ServedModel model, IReadOnlyList<int[]> sequences, CancellationToken cancellation)
    {
        if (sequences.Count == 0)
        {
            return [];
        }

        cancellation.ThrowIfCancellationRequested();
        var job = new ScoringJob(model, sequences);
        lock (_lock)
        {
            if (_stopping)
            {
                throw new ApiException(503, "The server is stopping.") { RetryAfter = 5 };
            }

            // With nothing waiting every request is taken: no wait would make it smaller.
            if (_waitingTokens > 0 && _waitingTokens + job.Tokens > _maxQueueTokens)
            {
                _metrics.CountRefusedForQueue();
                throw new ApiException(429, string.Create(
                    CultureInfo.InvariantCulture, $"{_waitingTokens} tokens wait, and at most {_maxQueueTokens} may. Come back later."))
                { RetryAfter = RetryAfter() };
            }

            _queue.AddLast(job);
            _waitingTokens += job.Tokens;
            _metrics.ObserveQueue(_waitingTokens);
            _arrived.Release();
        }

        using CancellationTokenRegistration registration = cancellation.UnsafeRegister(static (state, token) =>
        {
            (ScoringEngine engine, ScoringJob job) = ((ScoringEngine, ScoringJob))state!;
            engine.Leave(job);
        }, (this, job));
        return await job.Rewards.ConfigureAwait(false);
    }

    /// <summary>Computes what waits and ends the thread.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_stopping)
            {
                return;
            }

            _stopping = true;
        }

        _arrived.Release();
        _thread.Join();
        _arrived.Dispose();
    }

    private void Leave(ScoringJob job)
    {
        lock (_lock)
        {
            job.Cancel();
            Remove(job);
        }
    }

    // Under the lock. What a micro-batch has taken of it no longer waits.
    private void Remove(ScoringJob job)
    {
        if (_queue.Remove(job))
        {
            for (int i = 0; i < job.Sequences.Count; i++)
            {
                _waitingTokens -= job.IsTaken(i) ? 0 : job.Sequences[i].Length;
            }
        }
    }

    private int RetryAfter() =>
        _tokensPerSecond <= 0 ? 1 : (int)Math.Clamp(Math.Ceiling(_waitingTokens / _tokensPerSecond / 2), 1, 60);

    private void Run()
    {
        while (true)
        {
            _arrived.Wait();
            while (Next() is { Count: > 0 } groups)
            {
                Score(groups, groups[0].Members[0][0].Job.Model);
            }

            lock (_lock)
            {
                if (_stopping && _queue.Count == 0)
                {
                    return;
                }
            }
        }
    }

    private List<SharedGroup> Next()
    {
        lock (_lock)
        {
            if (_queue.First is not { } first)
            {
                return [];
            }

            var window = new List<WaitingSequence>();
            long tokens = 0, order = 0;
            bool HasRoom() => window.Count < WindowSequences && tokens < (long)WindowBatches * _budget;
            foreach (ScoringJob job in _queue.Where(job => job.Model == first.Value.Model).TakeWhile(_ => HasRoom()))
            {
                for (int i = 0; i < job.Sequences.Count && HasRoom(); i++)
                {
                    if (!job.IsTaken(i))
                    {
                        window.Add(new WaitingSequence(job, i, order++));
                        tokens += job.Sequences[i].Length;
                    }
                }
            }

            List<SharedGroup> groups = BatchComposer.Compose(window, _budget, _sharePrefixes);
            foreach (WaitingSequence taken in groups.SelectMany(group => group.Members).SelectMany(same => same))
            {
                taken.Job.Take(taken.Index);
                _waitingTokens -= taken.Tokens.Length;
                if (taken.Job.AllTaken)
                {
                    _queue.Remove(taken.Job);
                }
            }

            return groups;
        }
    }

    private void Score(List<SharedGroup> groups, ServedModel model)
    {
        var builder = new SequenceLayoutBuilder();
        foreach (SharedGroup group in groups)
        {
            builder.AddGroup([.. group.Members.Select(same => same[0].Tokens)], group.PrefixLength, key: 0);
        }

        float[] rewards;
        long begin = Stopwatch.GetTimestamp();
        try
        {
            rewards = model.Model.Score(builder.Build());
        }
        catch (Exception e) when (groups.Count + groups[0].Members.Count > 2 && model.Model.Backend.IsOutOfMemory(e))
        {
            // Less at once may fit.
            model.Model.TrimActivations();
            foreach (SharedGroup part in Halves(groups))
            {
                Score([part], model);
            }

            return;
        }
        catch (Exception e)
        {
            Fail(groups, e);
            return;
        }

        double seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        WaitingSequence[] answered = [.. groups.SelectMany(group => group.Members).SelectMany(same => same)];
        long asked = answered.Sum(waiting => (long)waiting.Tokens.Length);
        _metrics.ObserveBatch(builder.TokenCount, asked, answered.Length, seconds);
        lock (_lock)
        {
            double rate = asked / Math.Max(seconds, 1e-6);
            _tokensPerSecond = _tokensPerSecond == 0 ? rate : (0.8 * _tokensPerSecond) + (0.2 * rate);
        }

        int next = 0;
        foreach (IReadOnlyList<WaitingSequence> same in groups.SelectMany(group => group.Members))
        {
            float reward = rewards[next++];
            foreach (WaitingSequence waiting in same)
            {
                if (float.IsFinite(reward))
                {
                    waiting.Job.Set(waiting.Index, reward);
                }
                else
                {
                    waiting.Job.Fail(new NonFiniteException("The model gives a reward that is not a finite number."));
                }
            }
        }
    }

    private static IEnumerable<SharedGroup> Halves(List<SharedGroup> groups)
    {
        if (groups.Count > 1)
        {
            return groups;
        }

        SharedGroup group = groups[0];
        int half = group.Members.Count / 2;
        return
        [
            new SharedGroup([.. group.Members.Take(half)], group.PrefixLength),
            new SharedGroup([.. group.Members.Skip(half)], group.PrefixLength),
        ];
    }

    private void Fail(List<SharedGroup> groups, Exception e)
    {
        lock (_lock)
        {
            IEnumerable<WaitingSequence> failed = groups.SelectMany(group => group.Members).SelectMany(same => same);
            foreach (ScoringJob job in failed.Select(waiting => waiting.Job).Distinct())
            {
                job.Fail(e);
                Remove(job);
            }
        }
    }
}
