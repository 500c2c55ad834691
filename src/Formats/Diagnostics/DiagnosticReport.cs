namespace Rm.Formats.Diagnostics;

/// <summary>What a diagnostic did to the rows of a split.</summary>
/// <param name="Mode">The transformation.</param>
/// <param name="Rows">Rows it was given.</param>
/// <param name="RowsChanged">Rows whose sides were swapped or whose responses were replaced.</param>
/// <param name="PairsRemoved">Pairs that it dropped (length_matched).</param>
/// <param name="PairsTellingApart">
/// prompt_only: pairs whose two sides have different token ids although their texts were made the same. Anything but 0 means that the
/// pipeline marks a side.
/// </param>
public sealed record DiagnosticReport(DiagnosticMode Mode, long Rows, long RowsChanged, long PairsRemoved, long PairsTellingApart);
