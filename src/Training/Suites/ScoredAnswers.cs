namespace Rm.Training.Suites;

/// <summary>A benchmark's row with its rewards.</summary>
/// <param name="Id">The benchmark's name for the row.</param>
/// <param name="Subset">What it is scored with.</param>
/// <param name="Rewards">A reward for every answer, right ones first.</param>
/// <param name="Correct">How many of the answers are right.</param>
public sealed record ScoredAnswers(string Id, string Subset, IReadOnlyList<float> Rewards, int Correct)
{
    /// <summary>
    /// Credit for putting a right answer on top: of the answers that share the highest reward, the part that is right. A pair that is to be
    /// won outright asks for <see cref="IsWon"/> instead.
    /// </summary>
    public double BestOf
    {
        get
        {
            float best = Rewards.Max();
            return (double)Rewards.Take(Correct).Count(reward => reward == best) / Rewards.Count(reward => reward == best);
        }
    }

    /// <summary>Whether every right answer is strictly above every wrong one: a tie is no win.</summary>
    public bool IsWon => Rewards.Take(Correct).Min() > Rewards.Skip(Correct).Max();
}
