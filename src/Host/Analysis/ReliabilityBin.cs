using Rm.Training.Statistics;

namespace Rm.Host.Analysis;

/// <summary>
/// A point of the reliability curve: pairs whose confidence, sigmoid(|gap|) for the side that the model prefers, lies in a tenth of [0.5,
/// 1]. The expected calibration error is the mean distance of the two, weighted by pairs.
/// </summary>
/// <param name="Low">Lower end of the bin.</param>
/// <param name="High">Upper end.</param>
/// <param name="Pairs">Pairs in it.</param>
/// <param name="Confidence">Their mean confidence; null without pairs.</param>
/// <param name="Accuracy">Share of them that the model gets right, a tie being half right; null without pairs.</param>
public sealed record ReliabilityBin(double Low, double High, int Pairs, double? Confidence, double? Accuracy)
{
    private const int Bins = 10;

    /// <summary>The ten points.</summary>
    public static IReadOnlyList<ReliabilityBin> Curve(IReadOnlyList<double> gaps)
    {
        ILookup<int, double> bins = gaps.ToLookup(gap => Math.Min(Bins - 1, (int)((Confident(gap) - 0.5) * 2 * Bins)));
        return [.. Enumerable.Range(0, Bins).Select(b => new ReliabilityBin(
            0.5 + (b / (2.0 * Bins)), 0.5 + ((b + 1) / (2.0 * Bins)), bins[b].Count(), bins[b].Any() ? bins[b].Average(Confident) : null,
            bins[b].Any() ? bins[b].Average(gap => gap > 0 ? 1 : gap == 0 ? 0.5 : 0) : null))];
    }

    private static double Confident(double gap) => BradleyTerryLoss.Probability(Math.Abs(gap));
}
