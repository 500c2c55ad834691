using System.Text.Json.Serialization;
using Rm.Formats.Diagnostics;

namespace Rm.Host.Experiments.Diagnostics;

/// <summary>The result of a diagnostic run, as <c>result.json</c> keeps it.</summary>
/// <param name="Mode">label_shuffle, prompt_only, random_negatives, length_matched, or baseline.</param>
/// <param name="Verdict">The worst of the checks.</param>
/// <param name="Settings">Settings of the diagnostic; null for the baseline.</param>
/// <param name="Rows">What it did to the training rows; null for the baseline.</param>
/// <param name="TrainAccuracy">
/// Accuracy of the final model on rows it was trained on, transformed as they were; null when not measured.
/// </param>
/// <param name="EvalAccuracy">Accuracy of the final model on the evaluation rows; null without any.</param>
/// <param name="Checks">What was looked at.</param>
public sealed record DiagnosticOutcome(
    string Mode, Verdict Verdict, DiagnosticOptions? Settings, DiagnosticReport? Rows, DiagnosticAccuracy? TrainAccuracy,
    DiagnosticAccuracy? EvalAccuracy,
    IReadOnlyList<DiagnosticCheck> Checks)
{
    /// <summary>A diagnostic that could not be run, which is a failure whatever the reason.</summary>
    public static DiagnosticOutcome NotRun(string mode, string why) =>
        new(mode, Verdict.Fail, null, null, null, null,
            [new DiagnosticCheck("run", "a finished run", null, null, null, Verdict.Fail, why)]);
}

/// <summary>How outcomes are serialised.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true)]
[JsonSerializable(typeof(DiagnosticOutcome))]
[JsonSerializable(typeof(IReadOnlyList<DiagnosticOutcome>))]
internal sealed partial class DiagnosticJson : JsonSerializerContext;
