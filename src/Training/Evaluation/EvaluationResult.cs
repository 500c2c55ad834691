using Rm.Formats.Rendering;
using Rm.Kernels.Ops;
using Rm.Training.Batching;
using Rm.Training.Statistics;

namespace Rm.Training.Evaluation;

/// <summary>Figures of one evaluation. Rewards have no unit; probabilities are sigmoid(chosen - rejected).</summary>
/// <param name="Pairs">Pairs scored.</param>
/// <param name="Loss">Mean loss with the training loss's constants.</param>
/// <param name="Accuracy">Share of pairs with chosen strictly above rejected.</param>
/// <param name="AccuracyLow">
/// Lower end of the accuracy's 95% interval (<see cref="AccuracyEstimate"/>: pairs that share a prompt count as fewer).
/// </param>
/// <param name="AccuracyHigh">Upper end.</param>
/// <param name="Ties">Pairs with equal rewards.</param>
/// <param name="Margin">Mean of chosen minus rejected.</param>
/// <param name="MinReward">Smallest reward.</param>
/// <param name="MeanReward">Mean reward of both sides.</param>
/// <param name="MaxReward">Largest reward.</param>
/// <param name="CalibrationError">Expected calibration error over ten equal bins of confidence in [0.5, 1].</param>
/// <param name="Brier">Mean of (1 - probability)^2.</param>
/// <param name="LengthCorrelation">Pearson correlation of reward gap and token-length gap; null when either is constant.</param>
/// <param name="Groups">Accuracy per domain, score_ratio and length-gap bucket.</param>
public sealed record EvaluationResult(
    int Pairs, double Loss, double Accuracy, double AccuracyLow, double AccuracyHigh, int Ties, double Margin, double MinReward,
    double MeanReward,
    double MaxReward, double CalibrationError, double Brier, double? LengthCorrelation, IReadOnlyList<GroupAccuracy> Groups)
{
    /// <summary>Figures of scored pairs.</summary>
    /// <param name="pairs">The pairs, those of one row one after the other.</param>
    /// <param name="rewards">Their rewards.</param>
    /// <param name="loss">Constants of the training loss.</param>
    /// <param name="ranking">How it compares the answers of a ranking, or null where it is the mean over pairs.</param>
    public static EvaluationResult From(
        IReadOnlyList<PreferencePair> pairs, PairRewards rewards, PairLossOptions loss, RankingLossKind? ranking = null)
    {
        double[] gaps = [.. Enumerable.Range(0, rewards.Count).Select(i => (double)rewards.Chosen[i] - rewards.Rejected[i])];
        double[] lengths = [.. pairs.Select(p => (double)p.Chosen.Length - p.Rejected.Length)];
        var accuracy = AccuracyEstimate.Of(rewards.ToRows(pairs));
        return new EvaluationResult(
            rewards.Count,
            ranking is { } kind ? RankingMean(pairs, rewards, loss, kind) : Enumerable.Range(0, rewards.Count).Average(i =>
                pairs[i].Weight * BradleyTerryLoss.Of(rewards.Chosen[i], rewards.Rejected[i], pairs[i].Margin, loss)),
            accuracy.Value, accuracy.Low, accuracy.High, accuracy.Ties, rewards.Margin, rewards.Min, rewards.Mean, rewards.Max,
            Rm.Training.Statistics.CalibrationError.Of(gaps), gaps.Average(d => Math.Pow(1 - BradleyTerryLoss.Probability(d), 2)),
            PearsonCorrelation.Of(gaps, lengths), GroupAccuracy.Of(pairs, rewards));
    }

    private static double RankingMean(
        IReadOnlyList<PreferencePair> pairs, PairRewards rewards, PairLossOptions loss, RankingLossKind kind)
    {
        int next = 0;
        return PairGroup.ByRow(pairs).Average(group =>
        {
            int first = next;
            next += group.Pairs.Count;
            return group.Pairs[0].Weight * RankingLoss.Of(
                [.. group.Sides.Select((side, i) => (side.Chosen, rewards.Chosen[first + i], rewards.Rejected[first + i]))],
                group.Pairs[0].Margin, loss, kind);
        });
    }
}
