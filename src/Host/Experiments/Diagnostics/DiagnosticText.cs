using System.Globalization;

namespace Rm.Host.Experiments.Diagnostics;

/// <summary>Outcomes for people.</summary>
internal static class DiagnosticText
{
    /// <summary>One outcome, a line a check.</summary>
    public static void Write(DiagnosticOutcome outcome, TextWriter output)
    {
        output.WriteLine($"Diagnostic {outcome.Mode}: {Word(outcome.Verdict)}");
        foreach (DiagnosticCheck check in outcome.Checks)
        {
            output.WriteLine($"  {Name(check)}: {Figure(check)}; expected {check.Expected}: {Word(check.Verdict)}");
            if (check.Meaning.Length > 0)
            {
                output.WriteLine($"    {check.Meaning}");
            }
        }
    }

    /// <summary>A table with a line for each outcome, and below it what is not as it should be.</summary>
    public static void WriteTable(IReadOnlyList<DiagnosticOutcome> outcomes, TextWriter output)
    {
        output.WriteLine($"{"diagnostic",-18}{"train rows",12}{"evaluation",12}  {"95% interval",-18}verdict");
        foreach (DiagnosticOutcome outcome in outcomes)
        {
            string interval = outcome.EvalAccuracy is { } eval ? $"{Percent(eval.Low)} to {Percent(eval.High)}" : "";
            output.WriteLine(
                $"{outcome.Mode,-18}{Percent(outcome.TrainAccuracy?.Observed),12}{Percent(outcome.EvalAccuracy?.Observed),12}  "
                    + $"{interval,-18}{Word(outcome.Verdict)}");
        }

        foreach (DiagnosticOutcome outcome in outcomes)
        {
            foreach (DiagnosticCheck check in outcome.Checks.Where(c => c.Verdict != Verdict.Pass || c.Name == "drop_from_baseline"))
            {
                output.WriteLine();
                output.WriteLine($"{outcome.Mode}: {Name(check)} {Figure(check)}, expected {check.Expected}: {Word(check.Verdict)}");
                if (check.Meaning.Length > 0)
                {
                    output.WriteLine($"  {check.Meaning}");
                }
            }
        }
    }

    private static string Word(Verdict verdict) => verdict switch
    {
        Verdict.Pass => "pass",
        Verdict.Fail => "FAIL",
        _ => "inconclusive",
    };

    private static string Name(DiagnosticCheck check) => check.Name.Replace('_', ' ');

    private static string Figure(DiagnosticCheck check) => (check.Name, check.Observed) switch
    {
        (_, null) => "not measured",
        ("pairs_telling_apart", { } pairs) => pairs.ToString("N0", CultureInfo.InvariantCulture),
        (_, { } share) => Percent(share) + (check is { Low: { } low, High: { } high } ? $" (95% {Percent(low)} to {Percent(high)})" : ""),
    };

    private static string Percent(double? share) =>
        share?.ToString("P1", CultureInfo.InvariantCulture).Replace(" ", "", StringComparison.Ordinal) ?? "";
}
