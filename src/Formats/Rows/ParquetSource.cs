using System.Text.Json;
using Rm.Formats.Files;
using Rm.Formats.Parquet;

namespace Rm.Formats.Rows;

/// <summary>
/// Rows of a Parquet file. Only the pages of the wanted columns are read, and only as far as rows are taken, so that the first rows of a
/// large file cost no more than their own pages.
/// </summary>
/// <param name="path">Path of the file, as the user gave it.</param>
/// <param name="open">Opens the file's bytes, seekable.</param>
internal sealed class ParquetSource(string path, Func<Stream> open) : IRowSource
{
    public ParquetSource(string path)
        : this(path, () => InputFile.OpenSeekable(path))
    {
    }

    public IReadOnlyList<string> Files { get; } = [path];

    public IEnumerable<DataRow> Read() => Read(names => names);

    public IEnumerable<DataRow> Read(Func<IReadOnlyList<string>, IReadOnlyCollection<string>> chooseColumns)
    {
        RequireUnpacked();
        return ReadRows(chooseColumns);
    }

    public IEnumerable<DataRow> ReadAt(
        IReadOnlyList<long> positions, Func<IReadOnlyList<string>, IReadOnlyCollection<string>> chooseColumns)
    {
        RequireUnpacked();
        return ReadRowsAt(positions, chooseColumns);
    }

    private void RequireUnpacked()
    {
        if (InputFile.IsCompressed(path))
        {
            throw new UserInputException(
                $"{path}: a Parquet file is compressed inside and cannot be read from .gz or .zst. Unpack it first.");
        }
    }

    private IEnumerable<DataRow> ReadRows(Func<IReadOnlyList<string>, IReadOnlyCollection<string>> chooseColumns)
    {
        using var file = ParquetFile.Open(path, open());
        IReadOnlyList<SchemaNode> columns = Wanted(file, chooseColumns);
        long row = 0;
        for (int group = 0; group < file.Metadata.RowGroups.Count; group++)
        {
            using var reader = new RowGroupReader(file, group, columns);
            for (long left = file.Metadata.RowGroups[group].RowCount; left > 0; left--)
            {
                yield return NextRow(reader, ++row);
            }

            reader.RequireEnd();
        }
    }

    // Row groups without a wanted row are not opened, the end of the last one is not read.
    private IEnumerable<DataRow> ReadRowsAt(
        IReadOnlyList<long> positions, Func<IReadOnlyList<string>, IReadOnlyCollection<string>> chooseColumns)
    {
        using var file = ParquetFile.Open(path, open());
        IReadOnlyList<SchemaNode> columns = Wanted(file, chooseColumns);
        long start = 0;
        int next = 0;
        for (int group = 0; group < file.Metadata.RowGroups.Count && next < positions.Count; group++)
        {
            long end = start + file.Metadata.RowGroups[group].RowCount;
            if (positions[next] < end)
            {
                using var reader = new RowGroupReader(file, group, columns);
                long row = start;
                for (; next < positions.Count && positions[next] < end; next++)
                {
                    for (; row < positions[next]; row++)
                    {
                        reader.SkipRow();
                    }

                    yield return NextRow(reader, ++row);
                }
            }

            start = end;
        }
    }

    private static IReadOnlyList<SchemaNode> Wanted(
        ParquetFile file, Func<IReadOnlyList<string>, IReadOnlyCollection<string>> chooseColumns)
    {
        var wanted = chooseColumns(file.Schema.Names).ToHashSet(StringComparer.Ordinal);
        return [.. file.Schema.Columns.Where((_, i) => wanted.Contains(file.Schema.Names[i]))];
    }

    private DataRow NextRow(RowGroupReader reader, long row)
    {
        ReadOnlySpan<byte> json = reader.NextRow();
        return DataRow.FromJson(path, row, JsonElement.Parse(json), json.Length);
    }
}
