namespace Rm.Formats.Rows;

/// <summary>A source whose rows have some of their columns only, so that what a row says is said by these alone.</summary>
/// <param name="source">The rows.</param>
/// <param name="columns">Names of the columns.</param>
public sealed class SelectedColumns(IRowSource source, IReadOnlyList<string> columns) : IRowSource
{
    /// <inheritdoc/>
    public IReadOnlyList<string> Files => source.Files;

    /// <inheritdoc/>
    public IEnumerable<DataRow> Read() => source.Read(Choose).Select(Selected);

    /// <inheritdoc/>
    public IEnumerable<DataRow> Read(Func<IReadOnlyList<string>, IReadOnlyCollection<string>> chooseColumns) =>
        source.Read(names => chooseColumns([.. Choose(names)])).Select(Selected);

    private IReadOnlyCollection<string> Choose(IReadOnlyList<string> names) => [.. names.Where(columns.Contains)];

    // Files that are read row by row give all columns.
    private DataRow Selected(DataRow row) => columns.FirstOrDefault(name => !row.ColumnNames.Contains(name)) is { } missing
        ? throw row.Error($"there is no column '{missing}'. The row has {Names.List(row.ColumnNames)}.")
        : row.With(columns);
}
