namespace Rm.Host.Analysis;

/// <summary>An evaluation as a line of metrics.jsonl tells it.</summary>
/// <param name="Step">Step it came after.</param>
/// <param name="Pairs">Pairs scored.</param>
/// <param name="Accuracy">Share of correct pairs.</param>
/// <param name="Interval">Its 95% interval, or null in files of before there was one.</param>
/// <param name="Ties">Pairs with equal rewards.</param>
/// <param name="Loss">Loss with the constants that the run trained with.</param>
/// <param name="Margin">Mean of chosen minus rejected.</param>
/// <param name="MinReward">Smallest reward.</param>
/// <param name="MeanReward">Mean reward.</param>
/// <param name="MaxReward">Largest reward.</param>
/// <param name="CalibrationError">Expected calibration error.</param>
/// <param name="Brier">Brier score.</param>
/// <param name="LengthCorrelation">Correlation of reward gap and length gap, or null.</param>
/// <param name="Groups">Accuracy by group.</param>
public sealed record EvaluationPoint(
    int Step, int Pairs, double Accuracy, (double Low, double High)? Interval, int Ties, double Loss, double Margin, double MinReward,
    double MeanReward, double MaxReward,
    double CalibrationError, double Brier, double? LengthCorrelation, IReadOnlyList<GroupFigures> Groups);
