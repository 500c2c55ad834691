using System.Text.Json;

namespace Rm.Formats.Diagnostics;

/// <summary>A diagnostic and its settings.</summary>
/// <param name="Mode">The transformation.</param>
/// <param name="ShuffleRate">Share of the rows whose sides are swapped, 0 to 1.</param>
/// <param name="LengthThreshold">Pairs whose lengths differ by this many tokens or more are dropped.</param>
/// <param name="Seed">Decides which rows are swapped and which responses are drawn, together with the rows' positions.</param>
/// <param name="TransformEval">Whether evaluation rows are transformed too; otherwise they stay real.</param>
public sealed record DiagnosticOptions(
    DiagnosticMode Mode, double ShuffleRate = 0.5, int LengthThreshold = 50, ulong Seed = 42, bool TransformEval = false)
{
    /// <summary>A mode as it is written on the command line and in files: label_shuffle.</summary>
    public static string NameOf(DiagnosticMode mode) => JsonNamingPolicy.SnakeCaseLower.ConvertName(mode.ToString());
}
