namespace Rm.Host.Serving.Batching;

/// <summary>One sequence of a job, with its place in the order of arrival.</summary>
/// <param name="Job">Its job.</param>
/// <param name="Index">Which of the job's sequences.</param>
/// <param name="Order">Place in the order of arrival.</param>
internal readonly record struct WaitingSequence(ScoringJob Job, int Index, long Order)
{
    /// <summary>Token ids.</summary>
    public int[] Tokens => Job.Sequences[Index];
}
