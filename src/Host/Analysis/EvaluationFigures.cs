using Rm.Kernels.Ops;
using Rm.Training.Statistics;

namespace Rm.Host.Analysis;

/// <summary>What figures rest on.</summary>
public enum FigureSource
{
    /// <summary>Every pair's rewards.</summary>
    Rows,

    /// <summary>
    /// The totals in metrics.jsonl: intervals take every pair as independent, and there are no quantiles and no reliability curve.
    /// </summary>
    Metrics,
}

/// <summary>Figures of one evaluation of one run.</summary>
/// <param name="Source">What they rest on.</param>
/// <param name="Step">Step of the evaluation, where it is known.</param>
/// <param name="Accuracy">Accuracy with its interval.</param>
/// <param name="Loss">
/// From rows: the Bradley-Terry loss with the rows' margins and weights and no other constants, as <c>btrm eval</c> has it, so that runs
/// can be compared. From metrics: the loss with the constants that the run trained with.
/// </param>
/// <param name="Margin">Spread of chosen minus rejected. From metrics only the mean is known; the ends are then NaN.</param>
/// <param name="Rewards">Spread of the rewards of both sides.</param>
/// <param name="CalibrationError">Expected calibration error over ten equal bins of confidence.</param>
/// <param name="Brier">Mean of (1 - sigmoid(gap))^2.</param>
/// <param name="LengthCorrelation">Pearson correlation of reward gap and token-length gap; null when either is constant.</param>
/// <param name="Reliability">Ten points; none from metrics.</param>
/// <param name="Groups">Accuracy by domain, subset, score_ratio and length gap.</param>
public sealed record EvaluationFigures(
    FigureSource Source, int? Step, AccuracyEstimate Accuracy, double Loss, RewardDistribution Margin, RewardDistribution Rewards,
    double CalibrationError, double Brier, double? LengthCorrelation, IReadOnlyList<ReliabilityBin> Reliability,
    IReadOnlyList<GroupFigures> Groups)
{
    /// <summary>Figures of at least one row; the order of the rows does not matter, to the bit.</summary>
    public static EvaluationFigures Of(IReadOnlyList<EvalRow> rows, int? step)
    {
        rows = RowOrder.Canonical(rows);
        double[] gaps = [.. rows.Select(r => r.Gap)];
        var loss = new PairLossOptions();
        return new EvaluationFigures(
            FigureSource.Rows, step, AccuracyEstimate.Of(rows),
            rows.Average(r => r.Weight * BradleyTerryLoss.Of(r.ChosenReward, r.RejectedReward, r.Margin, loss)),
            RewardDistribution.Of(gaps),
            RewardDistribution.Of(rows.SelectMany(r => new double[] { r.ChosenReward, r.RejectedReward })),
            Rm.Training.Statistics.CalibrationError.Of(gaps),
            gaps.Average(d => Math.Pow(1 - BradleyTerryLoss.Probability(d), 2)),
            PearsonCorrelation.Of(gaps, [.. rows.Select(r => (double)r.LengthGap)]), ReliabilityBin.Curve(gaps), GroupFigures.Of(rows));
    }

    /// <summary>What a line of metrics.jsonl tells.</summary>
    public static EvaluationFigures Of(EvaluationPoint point) => new(
        FigureSource.Metrics, point.Step,
        AccuracyEstimate.FromCounts((int)Math.Round(point.Accuracy * point.Pairs), point.Pairs, point.Ties, point.Interval), point.Loss,
        new RewardDistribution(point.Margin, double.NaN, double.NaN, null, []),
        new RewardDistribution(point.MeanReward, point.MinReward, point.MaxReward, null, []), point.CalibrationError, point.Brier,
        point.LengthCorrelation, [], point.Groups);
}
