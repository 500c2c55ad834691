namespace Rm.Training.Suites;

/// <summary>A benchmark's table.</summary>
/// <param name="Lines">Its lines, as they are printed.</param>
/// <param name="Notes">What a reader must know of it: parts that are missing, formulas that are undefined.</param>
public sealed record SuiteTable(IReadOnlyList<SuiteLine> Lines, IReadOnlyList<string> Notes);
