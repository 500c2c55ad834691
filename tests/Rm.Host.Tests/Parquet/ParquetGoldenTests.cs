using System.Text.Json;
using Rm.Formats.Rows;

namespace Rm.Host.Tests.Parquet;

/// <summary>
/// Reads files of other writers and compares every value with what Arrow read (make_parquet_golden.py) or what was written.
/// </summary>
public class ParquetGoldenTests
{
    private static readonly string[] Unreadable = ["datapage_v1-corrupt-checksum", ".lz4."];

    // Known otherwise than by rows that Arrow read.
    private static readonly string[] Special = ["delta_byte_array.parquet", "overflow_i16_page_cnt.parquet"];

    public static TheoryData<string> Files() => [.. ParquetFiles.In("made").Concat(ParquetFiles.In("apache"))
        .Where(file => !Unreadable.Any(file.Contains) && !Special.Any(name => file.EndsWith("/" + name, StringComparison.Ordinal)))];

    public static TheoryData<string> FlatFiles() => [.. ParquetFiles.In("hub").Where(file => file.Contains("flat"))];

    [Theory]
    [MemberData(nameof(Files))]
    public void FilesReadAsArrowReadsThem(string file)
    {
        string name = Path.GetFileName(file);
        string table = file.StartsWith("made", StringComparison.Ordinal)
            ? name[..name.IndexOf('.')]
            : Path.GetFileNameWithoutExtension(name);
        List<DataRow> expected = [.. RowSource.OpenFile(ParquetFiles.Path($"{Path.GetDirectoryName(file)}/{table}.expected.jsonl")).Read()];
        AssertRows(expected, ParquetFiles.Read(file), file);
    }

    [Theory]
    [MemberData(nameof(FlatFiles))]
    public void HubFilesReadAsWritten(string file) =>
        AssertRows([.. RowSource.OpenFile(ParquetFiles.Path("hub/flat.expected.json")).Read()], ParquetFiles.Read(file), file);

    [Fact]
    public void MessageListsReadAsWritten() => AssertRows(
        [.. RowSource.OpenFile(ParquetFiles.Path("hub/conversational.expected.json")).Read()],
        ParquetFiles.Read("hub/conversational.snappy.parquet"), "conversational");

    [Fact]
    public void ShpReadsAsTheJsonLines() => AssertRows(
        [.. RowSource.OpenFile(ParquetFiles.Path("hub/shp.jsonl")).Read()], ParquetFiles.Read("hub/shp.snappy.parquet"), "shp");

    [Fact]
    public void DeltaByteArraysReadAsTheCsvBesideThem()
    {
        List<DataRow> expected = [.. RowSource.OpenFile(ParquetFiles.Path("apache/delta_byte_array_expect.csv")).Read()];
        List<DataRow> actual = ParquetFiles.Read("apache/delta_byte_array.parquet");

        Assert.Equal(expected.Count, actual.Count);
        for (int i = 0; i < expected.Count; i++)
        {
            Assert.Equal(expected[i].ColumnNames, actual[i].ColumnNames);
            foreach ((string name, JsonElement value) in expected[i].Columns)
            {
                // The CSV cannot tell null from empty.
                Assert.Equal(value.GetString(), actual[i].Columns[name].GetString() ?? "");
            }
        }
    }

    [Fact]
    public void FortyThousandPagesReadAsTheirOneValue()
    {
        List<DataRow> rows = ParquetFiles.Read("apache/overflow_i16_page_cnt.parquet");

        Assert.Equal(40_000, rows.Count);
        Assert.All(rows, row => Assert.Equal(JsonValueKind.False, row.Columns["inc"].ValueKind));
    }

    [Fact]
    public void RowsKnowTheirNumberAndFile()
    {
        DataRow last = ParquetFiles.Read("made/messages.snappy.parquet")[^1];

        Assert.Equal(60, last.Line);
        Assert.EndsWith("messages.snappy.parquet", last.File, StringComparison.Ordinal);
        Assert.True(last.ByteLength > 0);
    }

    private static void AssertRows(List<DataRow> expected, List<DataRow> actual, string file)
    {
        Assert.Equal(expected.Count, actual.Count);
        for (int i = 0; i < expected.Count; i++)
        {
            JsonEquality.AssertEqual(expected[i], actual[i], $"{file}, row {i + 1}");
        }
    }
}
