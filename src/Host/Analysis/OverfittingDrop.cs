using Rm.Training.Statistics;

namespace Rm.Host.Analysis;

/// <summary>
/// How far the evaluation accuracy fell from its peak to the end of a run. The peak is the best of several noisy evaluations, so that some
/// drop is to be expected without any overfitting; the paired interval says how much of it the rows themselves can explain.
/// </summary>
/// <param name="PeakAccuracy">Highest accuracy of the run.</param>
/// <param name="PeakStep">First step that reached it, where it is known.</param>
/// <param name="FinalAccuracy">Accuracy of the last evaluation.</param>
/// <param name="FinalStep">Its step, where it is known.</param>
/// <param name="Paired">
/// Peak against last evaluation on the same rows; null where the rows of either were not kept, and where the last evaluation is the peak.
/// </param>
public sealed record OverfittingDrop(double PeakAccuracy, int? PeakStep, double FinalAccuracy, int? FinalStep, PairedDifference? Paired)
{
    /// <summary>Peak minus final accuracy.</summary>
    public double Drop => PeakAccuracy - FinalAccuracy;

    /// <summary>Whether the last evaluation is the first that reached the peak: there is no drop.</summary>
    public bool PeakIsLast => PeakStep is not null && PeakStep == FinalStep;

    /// <summary>The drop of a run, or null without evaluations.</summary>
    internal static OverfittingDrop? Of(RunInput run, EvaluationFigures? best, EvaluationFigures? final)
    {
        if (run.State == RunCompletion.RowsOnly || best is null || final is null)
        {
            return null;
        }

        EvaluationPoint? peak = run.Evaluations.MaxBy(e => e.Accuracy), last = run.Evaluations.LastOrDefault();
        double peakAccuracy = peak?.Accuracy ?? Math.Max(best.Accuracy.Value, final.Accuracy.Value);

        // best/ holds the peak only where accuracy chose it. Without metrics, what the rows say is all there is.
        bool rowsArePeak = peak is null
            ? best.Accuracy.Value >= final.Accuracy.Value
            : run.BestStep == peak.Step && peak.Step != last!.Step;
        RowJoin? join = rowsArePeak && run is { BestRows: not null, FinalRows: not null } ? RowJoin.Of(run.BestRows, run.FinalRows) : null;
        return new OverfittingDrop(
            peakAccuracy, peak?.Step ?? best.Step, last?.Accuracy ?? final.Accuracy.Value, last?.Step ?? final.Step,
            join is { First.Count: > 0 } ? PairedDifference.Of(join) : null);
    }
}
