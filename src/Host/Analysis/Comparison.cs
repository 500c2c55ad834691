using System.Globalization;
using Rm.Training.Statistics;

namespace Rm.Host.Analysis;

/// <summary>What a comparison comes to.</summary>
public enum ComparisonVerdict
{
    /// <summary>The run is above the reference, beyond noise.</summary>
    Better,

    /// <summary>The run is below the reference, beyond noise.</summary>
    Worse,

    /// <summary>The difference is one that chance alone makes often enough.</summary>
    WithinNoise,

    /// <summary>There is nothing to go by.</summary>
    NotCompared,
}

/// <summary>A run against the reference.</summary>
/// <param name="Run">Name of the run.</param>
/// <param name="Reference">Name of the reference.</param>
/// <param name="Rows">Evaluation rows of the run, or pairs where only totals are known.</param>
/// <param name="ReferenceRows">Evaluation rows of the reference.</param>
/// <param name="Shared">Rows that both have; null where only totals are known.</param>
/// <param name="Paired">
/// Difference on the shared rows, run minus reference; null where rows of either are missing or none is shared.
/// </param>
/// <param name="Unpaired">Difference as independent samples, where totals are all there is.</param>
/// <param name="HolmP">p adjusted for the number of comparisons in the table; null where there is no p.</param>
/// <param name="Notes">What a reader must know about this comparison, a sentence each.</param>
public sealed record Comparison(
    string Run, string Reference, int Rows, int ReferenceRows, int? Shared, PairedDifference? Paired, UnpairedDifference? Unpaired,
    double? HolmP,
    IReadOnlyList<string> Notes)
{
    private const double Level = 0.05;

    /// <summary>The p that decides, before adjustment.</summary>
    public double? P => Paired is not null ? Paired.P : Unpaired?.P;

    /// <summary>Difference of the accuracies, run minus reference.</summary>
    public double? Difference => Paired?.Difference ?? Unpaired?.Difference;

    /// <summary>Its standard error.</summary>
    public double? StandardError => Paired is not null ? Paired.StandardError : Unpaired?.StandardError;

    /// <summary>Lower end of its 95% interval.</summary>
    public double? Low => Paired is not null ? Paired.Low : Unpaired?.Low;

    /// <summary>Upper end.</summary>
    public double? High => Paired is not null ? Paired.High : Unpaired?.High;

    /// <summary>What it comes to at the 5% level, after adjustment.</summary>
    public ComparisonVerdict Verdict =>
        HolmP is not { } p || Difference is not { } difference ? ComparisonVerdict.NotCompared
        : p >= Level ? ComparisonVerdict.WithinNoise
        : difference > 0 ? ComparisonVerdict.Better : ComparisonVerdict.Worse;

    /// <summary>The same in a sentence.</summary>
    public string Words
    {
        get
        {
            if (Verdict == ComparisonVerdict.NotCompared)
            {
                return $"{Run} is not compared with {Reference}: {string.Join("; ", Notes)}.";
            }

            string verdict = Verdict == ComparisonVerdict.WithinNoise ? "within noise" : "more than noise";
            string interval = Low is { } low && High is { } high
                ? string.Create(CultureInfo.InvariantCulture, $" (95% {100 * low:+0.0;-0.0;0.0} to {100 * high:+0.0;-0.0;0.0})")
                : "";
            string notes = Notes.Count > 0 ? $". Note: {string.Join("; ", Notes)}" : "";
            return $"{Run} {Position()} {Reference}{interval}: {verdict}{Evidence()}{notes}.";
        }
    }

    private string Position() => Difference == 0
        ? "is as accurate as"
        : string.Create(
            CultureInfo.InvariantCulture, $"is {100 * Math.Abs(Difference!.Value):0.0} points {(Difference > 0 ? "above" : "below")}");

    private string Evidence()
    {
        if (Paired is { OnlyFirst: 0, OnlySecond: 0 })
        {
            return ", both get the same rows right";
        }

        string errors = StandardError is > 0 and var error
            ? string.Create(CultureInfo.InvariantCulture,
                $", {Math.Abs(Difference!.Value) / error:0.0} standard errors{(Paired is null ? " as unpaired samples" : "")}")
            : "";
        string p = $", p {(P < 0.0005 ? "" : "= ")}{Text(P!.Value)}";
        return Text(HolmP!.Value) == Text(P!.Value) ? errors + p : $"{errors}{p} ({Text(HolmP.Value)} after Holm)"
            + (P < Level && HolmP >= Level ? ", so that it would count by itself but not among this many comparisons" : "");
    }

    private static string Text(double p) => p < 0.0005 ? "< 0.0005" : p.ToString("0.###", CultureInfo.InvariantCulture);
}
