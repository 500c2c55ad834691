namespace Rm.Formats.Rows;

/// <summary>A data file, or several read one after the other, as a stream of rows. Another file format is another implementation.</summary>
public interface IRowSource
{
    /// <summary>Paths of the files behind the rows, in reading order.</summary>
    IReadOnlyList<string> Files { get; }

    /// <summary>
    /// The rows in file order, read as they are asked for, so that taking only some never reads the rest. Every call starts anew.
    /// Throws <see cref="UserInputException"/> naming the file and line on bad input.
    /// </summary>
    IEnumerable<DataRow> Read();

    /// <summary>
    /// The rows with only some of their columns where that saves reading the others; a format that is read row by row gives all of them.
    /// <paramref name="chooseColumns"/> picks out of a file's column names.
    /// </summary>
    IEnumerable<DataRow> Read(Func<IReadOnlyList<string>, IReadOnlyCollection<string>> chooseColumns) => Read();

    /// <summary>The files one by one where there are several; itself otherwise.</summary>
    IReadOnlyList<IRowSource> Parts => [this];

    /// <summary>
    /// The rows at the given 0-based positions, which ascend; positions beyond the end give none. What lies between is read only as far as
    /// the format demands.
    /// </summary>
    IEnumerable<DataRow> ReadAt(IReadOnlyList<long> positions, Func<IReadOnlyList<string>, IReadOnlyCollection<string>> chooseColumns)
    {
        int next = 0;
        long position = 0;
        foreach (DataRow row in positions.Count > 0 ? Read(chooseColumns) : [])
        {
            if (position++ != positions[next])
            {
                continue;
            }

            yield return row;
            if (++next == positions.Count)
            {
                yield break;
            }
        }
    }
}
