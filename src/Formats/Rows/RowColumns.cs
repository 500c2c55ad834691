namespace Rm.Formats.Rows;

/// <summary>What the user says of columns, where their names do not say it themselves.</summary>
/// <param name="Prompt">Column of the prompt, a string or a list of messages (<c>--prompt-column</c>); null to go by known names.</param>
/// <param name="System">Column of the system turn (<c>--system-column</c>); null to go by known names.</param>
/// <param name="Ignored">Columns that are treated as absent (<c>--ignore-columns</c>); null for none.</param>
public sealed record RowColumns(string? Prompt = null, string? System = null, IReadOnlySet<string>? Ignored = null)
{
    /// <summary>Nothing is said.</summary>
    public static RowColumns None { get; } = new();
}
