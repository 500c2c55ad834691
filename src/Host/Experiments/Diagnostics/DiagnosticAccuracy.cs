using Rm.Training.Statistics;

namespace Rm.Host.Experiments.Diagnostics;

/// <summary>An <see cref="AccuracyEstimate"/> as the files of a diagnostic keep it.</summary>
/// <param name="Observed">Share of pairs with chosen strictly above rejected.</param>
/// <param name="Low">Lower end of the 95% interval.</param>
/// <param name="High">Upper end.</param>
/// <param name="Pairs">Pairs.</param>
/// <param name="Ties">Pairs with equal rewards.</param>
/// <param name="EffectivePairs">Independent pairs that tell as much as these do.</param>
public sealed record DiagnosticAccuracy(double Observed, double Low, double High, int Pairs, int Ties, double EffectivePairs)
{
    /// <summary>What a file keeps of an estimate.</summary>
    public static DiagnosticAccuracy? Of(AccuracyEstimate? estimate) =>
        estimate is { } e ? new DiagnosticAccuracy(e.Value, e.Low, e.High, e.Pairs, e.Ties, e.EffectivePairs) : null;
}
