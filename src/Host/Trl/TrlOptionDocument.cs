namespace Rm.Host.Trl;

/// <summary>The table of options as docs/from-trl.md has it, and as <c>--help</c> shows it.</summary>
internal static class TrlOptionDocument
{
    /// <summary>A row of a Markdown table for every option, in TRL's order.</summary>
    public static IEnumerable<string> Lines() =>
        TrlOptionTable.All.Select(option => $"| `{option.Name}` | `{option.Default}` | {Treatment(option)} | {option.Text} |");

    /// <summary>A line of text for every option, by name.</summary>
    public static IEnumerable<string> Help() => TrlOptionTable.All.OrderBy(option => option.Name, StringComparer.Ordinal)
        .Select(option => $"  --{option.Name,-40} {Treatment(option),-8} {option.Text.Replace("`", "", StringComparison.Ordinal)} "
            + $"[default: {option.Default}]");

    private static string Treatment(TrlOption option) => option.Treatment switch
    {
        TrlTreatment.Honoured => "yes",
        TrlTreatment.Ignored => "ignored",
        _ => "refused",
    };
}
