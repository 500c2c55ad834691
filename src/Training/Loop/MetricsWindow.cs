using Rm.Training.Evaluation;

namespace Rm.Training.Loop;

/// <summary>
/// Figures summed since the last line of metrics. Part of a checkpoint, so that a resumed run writes the same lines.
/// </summary>
/// <param name="Steps">Steps in the window.</param>
/// <param name="Pairs">Pairs in the window.</param>
/// <param name="Loss">Sum of the steps' losses.</param>
/// <param name="GradNorm">Sum of the steps' gradient norms.</param>
/// <param name="Correct">Correct pairs.</param>
/// <param name="Ties">Tied pairs.</param>
/// <param name="Margin">Sum of the pairs' margins.</param>
/// <param name="Reward">Sum of the rewards of both sides.</param>
/// <param name="MinReward">Smallest reward.</param>
/// <param name="MaxReward">Largest reward.</param>
public sealed record MetricsWindow(
    int Steps = 0, int Pairs = 0, double Loss = 0, double GradNorm = 0, int Correct = 0, int Ties = 0, double Margin = 0, double Reward = 0,
    double MinReward = double.MaxValue, double MaxReward = double.MinValue)
{
    /// <summary>Whether steps can have summed up to this.</summary>
    public bool IsPossible() =>
        Steps >= 1 && Pairs >= Steps && Correct >= 0 && Ties >= 0 && Correct + (long)Ties <= Pairs && MinReward <= MaxReward
        && double.IsFinite(Loss + GradNorm + Margin + Reward);

    /// <summary>The window with one more step.</summary>
    public MetricsWindow With(StepResult step)
    {
        PairRewards rewards = step.Rewards;
        return new MetricsWindow(
            Steps + 1, Pairs + rewards.Count, Loss + step.Loss, GradNorm + step.GradNorm, Correct + rewards.Correct, Ties + rewards.Ties,
            Margin + (rewards.Margin * rewards.Count), Reward + (rewards.Mean * 2 * rewards.Count), Math.Min(MinReward, rewards.Min),
            Math.Max(MaxReward, rewards.Max));
    }
}
