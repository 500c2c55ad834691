namespace Rm.Formats.Parquet;

/// <summary>
/// Where in a Parquet file the reader is. Every decoder of a column holds the same place, so that an error deep inside names the file, the
/// column and the page.
/// </summary>
internal sealed class ParquetPlace(string file, string? column = null, int rowGroup = 0)
{
    /// <summary>0-based number of the data page within the column's chunk, or -1 before the first.</summary>
    public int Page { get; set; } = -1;

    /// <summary>An error about damaged content.</summary>
    public UserInputException Damaged(string what, Exception? inner = null) =>
        new($"{Describe()}: {what} The file is damaged; fetch or write it again.", inner);

    /// <summary>An error about something that is valid but not read.</summary>
    public UserInputException Unsupported(string what, string remedy, Exception? inner = null) =>
        new($"{Describe()}: {what} {remedy}", inner);

    private string Describe() => column is null ? file
        : Page < 0 ? $"{file}, column '{column}', row group {rowGroup}"
        : $"{file}, column '{column}', row group {rowGroup}, page {Page}";
}
