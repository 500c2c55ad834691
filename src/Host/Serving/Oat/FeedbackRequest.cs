using Rm.Host.Serving.Models;

namespace Rm.Host.Serving.Oat;

/// <summary>What OAT asks: answers to score, or pairs of answers to compare.</summary>
internal sealed class FeedbackRequest
{
    /// <summary>Prompts.</summary>
    public List<string> Prompts { get; } = [];

    /// <summary>One answer a prompt, or none.</summary>
    public List<string> Responses { get; } = [];

    /// <summary>Two answers a prompt, or none.</summary>
    public List<List<string>> Candidates { get; } = [];

    /// <summary>Refuses counts that do not fit.</summary>
    public void Check()
    {
        if ((Responses.Count != 0 && Responses.Count != Prompts.Count) || (Candidates.Count != 0 && Candidates.Count != Prompts.Count))
        {
            throw new ApiException(400, "batch_response and batch_candidates must be empty or have an entry for every prompt.");
        }

        if (Candidates.Exists(pair => pair.Count != 2))
        {
            throw new ApiException(400, "An entry of batch_candidates must hold two answers.");
        }
    }
}
