namespace Rm.Formats.Rows;

/// <summary>Some of a source's rows: those whose 0-based position is asked for.</summary>
/// <param name="source">All rows.</param>
/// <param name="takes">Whether a position is taken.</param>
/// <param name="end">Position at which reading ends; rows from there on are never read.</param>
public sealed class RowRange(IRowSource source, Func<long, bool> takes, long end = long.MaxValue) : IRowSource
{
    /// <inheritdoc/>
    public IReadOnlyList<string> Files => source.Files;

    /// <inheritdoc/>
    public IEnumerable<DataRow> Read() => Taken(source.Read());

    /// <inheritdoc/>
    public IEnumerable<DataRow> Read(Func<IReadOnlyList<string>, IReadOnlyCollection<string>> chooseColumns) =>
        Taken(source.Read(chooseColumns));

    private IEnumerable<DataRow> Taken(IEnumerable<DataRow> rows)
    {
        long position = 0;
        foreach (DataRow row in end > 0 ? rows : [])
        {
            if (takes(position))
            {
                yield return row;
            }

            if (++position == end)
            {
                yield break;
            }
        }
    }
}
