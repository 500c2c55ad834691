using Rm.Formats.Datasets;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Host.Tests.Data;

namespace Rm.Host.Tests.Parquet;

/// <summary>Rows and columns that nobody asked for are not read.</summary>
public class ParquetPruningTests
{
    private static readonly Func<IReadOnlyList<string>, IReadOnlyCollection<string>> All = names => names;

    [Fact]
    public void TheFirstRowsOfAChunkDoNotReadTheOthers()
    {
        // One column chunk of 40,000 pages in 720 KB.
        long few = BytesRead("apache/overflow_i16_page_cnt.parquet", All, 100, out _);
        long all = BytesRead("apache/overflow_i16_page_cnt.parquet", All, 40_000, out int rows);

        Assert.Equal(40_000, rows);
        Assert.True(few < 40_000, $"{few} bytes for 100 rows");
        Assert.True(all > 700_000, $"{all} bytes for all rows");
    }

    [Fact]
    public void TheFirstRowGroupDoesNotReadTheOthers()
    {
        long file = ParquetFiles.Bytes("hub/flat.snappy.parquet").Length;
        long one = BytesRead("hub/flat.snappy.parquet", All, 100, out _);
        long two = BytesRead("hub/flat.snappy.parquet", All, 101, out _);

        Assert.True(one < file / 2, $"{one} of {file} bytes for one of three row groups");
        Assert.True(two > one, $"{two} bytes for a row more");
    }

    [Fact]
    public void ColumnsThatPairsDoNotUseAreNotRead()
    {
        string file = "hub/conversational.snappy.parquet";
        long all = BytesRead(file, All, int.MaxValue, out int rows);
        long small = BytesRead(
            file, names => [.. names.Where(name => name.StartsWith("score_", StringComparison.Ordinal))], int.MaxValue, out int same);
        long pairs = BytesRead(file, PairColumns.Choose, int.MaxValue, out _);

        Assert.Equal(rows, same);
        // A chunk's read-ahead may run into the next column's pages by the slack that old writers need, so a few hundred bytes remain.
        Assert.True(small < all / 10, $"{small} of {all} bytes");
        Assert.True(pairs < all, $"{pairs} of {all} bytes");
    }

    [Fact]
    public void ChosenColumnsHaveTheirValuesAndNoOthersAreThere()
    {
        List<DataRow> all = ParquetFiles.Read("hub/shp.snappy.parquet");
        List<DataRow> some = [.. RowSource.OpenFile(ParquetFiles.Path("hub/shp.snappy.parquet")).Read(PairColumns.Choose)];

        string[] expected = ["post_id", "domain", "history", "human_ref_A", "human_ref_B", "labels", "score_ratio"];
        Assert.Equal(expected, some[0].ColumnNames);
        Assert.Equal(all.Count, some.Count);
        for (int i = 0; i < all.Count; i++)
        {
            Assert.All(expected, name => Assert.Equal(all[i].Columns[name].ToString(), some[i].Columns[name].ToString()));
            Assert.Equal(PairRowParser.Parse(all[i]).Chosen.Text, PairRowParser.Parse(some[i]).Chosen.Text);
        }
    }

    [Fact]
    public void AFileWithoutPairsKeepsAllColumnsForTheMessage() =>
        Assert.Equal(["prompt", "answer"], PairColumns.Choose(["prompt", "answer"]));

    [Fact]
    public void SplitShardsAndLimitsGoThroughTheDataset()
    {
        using var folder = new ScratchFolder();
        folder.Write("data/train-00000-of-00002.parquet", ParquetFiles.Bytes("hub/flat.snappy.parquet"));
        folder.Write("data/train-00001-of-00002.parquet", ParquetFiles.Bytes("hub/flat.gzip.parquet"));
        var data = PairDataset.Load(
            DatasetRows.Open(folder.Path, "train"), new PairTokenizer(new FakeEncoder(), null, new TextOptions(UseChatTemplate: false)),
            350,
            TestContext.Current.CancellationToken);

        Assert.Equal(350, data.Report.PairsRead);
        Assert.Equal(2, data.Fingerprint.Files.Count);
    }

    private static long BytesRead(
        string name, Func<IReadOnlyList<string>, IReadOnlyCollection<string>> columns, int limit, out int rows)
    {
        using var stream = new CountingStream(ParquetFiles.Bytes(name));
        rows = new ParquetSource(name, () => stream).Read(columns).Take(limit).Count();
        return stream.BytesRead;
    }
}
