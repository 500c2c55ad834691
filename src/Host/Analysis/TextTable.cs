namespace Rm.Host.Analysis;

/// <summary>A table for people.</summary>
/// <param name="Title">Title.</param>
/// <param name="Columns">Headings; those of columns of numbers, which are set right, begin with '&gt;'.</param>
/// <param name="Rows">Cells, as many a row as columns.</param>
public sealed record TextTable(string Title, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string>> Rows)
{
    /// <summary>Heading of a column without its mark.</summary>
    public string Heading(int column) => Columns[column].TrimStart('>');

    /// <summary>Whether a column holds numbers.</summary>
    public bool IsNumeric(int column) => Columns[column].StartsWith('>');
}
