using Rm.Host.Serving.Models;

namespace Rm.Host.Serving.Batching;

/// <summary>
/// The sequences of one request that wait for their rewards. What is taken belongs to the queue's lock, rewards to the scoring thread.
/// </summary>
internal sealed class ScoringJob
{
    private readonly TaskCompletionSource<float[]> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly float[] _rewards;
    private readonly bool[] _taken;
    private int _takenCount;
    private int _left;

    public ScoringJob(ServedModel model, IReadOnlyList<int[]> sequences)
    {
        Model = model;
        Sequences = sequences;
        Tokens = sequences.Sum(sequence => (long)sequence.Length);
        _rewards = new float[sequences.Count];
        _taken = new bool[sequences.Count];
        _left = sequences.Count;
    }

    /// <summary>Model that scores.</summary>
    public ServedModel Model { get; }

    /// <summary>Token ids.</summary>
    public IReadOnlyList<int[]> Sequences { get; }

    /// <summary>Tokens of all sequences.</summary>
    public long Tokens { get; }

    /// <summary>Whether every sequence has been handed to a micro-batch.</summary>
    public bool AllTaken => _takenCount == _taken.Length;

    /// <summary>The rewards, in the order of the sequences.</summary>
    public Task<float[]> Rewards => _done.Task;

    /// <summary>Whether a sequence has been handed to a micro-batch.</summary>
    public bool IsTaken(int index) => _taken[index];

    /// <summary>Hands a sequence to a micro-batch.</summary>
    public void Take(int index)
    {
        _taken[index] = true;
        _takenCount++;
    }

    /// <summary>Puts a reward in its place; the last one ends the job.</summary>
    public void Set(int index, float reward)
    {
        _rewards[index] = reward;
        if (--_left == 0)
        {
            _done.TrySetResult(_rewards);
        }
    }

    /// <summary>Ends the job without rewards.</summary>
    public void Fail(Exception e) => _done.TrySetException(e);

    /// <summary>Ends the job because nobody waits.</summary>
    public void Cancel() => _done.TrySetCanceled();
}
