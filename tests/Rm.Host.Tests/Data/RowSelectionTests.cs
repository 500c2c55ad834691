using System.Text;
using System.Text.Json;
using Rm.Formats.Datasets;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Host.Tests.Parquet;

namespace Rm.Host.Tests.Data;

/// <summary>Filters and samples of training rows.</summary>
public sealed class RowSelectionTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Filters_keep_what_they_say_and_count_what_they_remove()
    {
        IRowSource source = Write(Enumerable.Range(0, 60).Select(i => (Post: i / 6, Ratio: 1 + (i % 4))));
        var selector = new RowSelector(new RowSelection(MinScoreRatio: 2, MaxPairsPerPost: 3));
        List<SelectedRow> rows = [.. selector.Select(source)];

        // By hand: ratios 2, 3, 4 pass (45 of 60); of each post of six rows at least four pass, of which the first three stay.
        Assert.All(rows, row => Assert.True(row.Row.GetOptionalNumber("score_ratio") >= 2));
        Assert.Equal(30, rows.Count);
        Assert.All(rows.GroupBy(row => row.Row.GetText("post_id")), post => Assert.Equal(3, post.Count()));
        Assert.Equal([1L, 2, 3, 6, 7], rows.Take(5).Select(row => row.Index));
        Assert.Equal(new SelectionReport(60, 15, 15, 0), selector.Report);
    }

    [Fact]
    public void The_limit_counts_rows_that_pass_and_reading_stops_there()
    {
        string path = _folder.Write("rows.jsonl", Lines(Enumerable.Range(0, 10).Select(i => (i, i % 2 == 0 ? 1 : 3))) + "broken\n");
        var selector = new RowSelector(new RowSelection(Limit: 3, MinScoreRatio: 2));

        Assert.Equal([1L, 3, 5], selector.Select(RowSource.OpenFile(path)).Select(row => row.Index));
        Assert.Equal(6, selector.Report.RowsSeen);
    }

    [Theory]
    [InlineData("{\"chosen\":\"a\"}", "score_ratio")]
    [InlineData("{\"score_ratio\":3}", "post_id")]
    [InlineData("{\"score_ratio\":\"x\",\"post_id\":\"p\"}", "score_ratio")]
    public void A_row_without_what_a_filter_needs_is_named(string row, string field)
    {
        string path = _folder.Write("rows.jsonl", row + "\n");
        foreach (SampleMode mode in Enum.GetValues<SampleMode>())
        {
            var selector = new RowSelector(new RowSelection(5, 2, 5, mode));
            string message = Rows.Error(() => Assert.Empty(selector.Select(RowSource.OpenFile(path))));
            Assert.Contains("line 1", message, StringComparison.Ordinal);
            Assert.Contains(field, message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_random_sample_is_decided_by_the_seed_spread_evenly_and_nested()
    {
        IRowSource source = Write(Enumerable.Range(0, 1000).Select(i => (i, 2)));
        long[] Sample(long limit, ulong seed) =>
            [.. new RowSelector(new RowSelection(limit, Sample: SampleMode.Random, Seed: seed)).Select(source).Select(row => row.Index)];

        long[] hundred = Sample(100, 7);
        Assert.Equal(hundred, Sample(100, 7));
        Assert.Equal(hundred.Order(), hundred);
        Assert.Equal(100, hundred.Distinct().Count());
        Assert.Empty(hundred.Except(Sample(200, 7)));
        Assert.NotEqual(hundred, Sample(100, 8));
        Assert.Equal(1000, Sample(5000, 7).Length);

        // Over 200 seeds each row is drawn about 20 times: the extremes of 1000 binomial counts lie well within these bounds.
        int[] counts = new int[1000];
        foreach (long index in Enumerable.Range(0, 200).SelectMany(seed => Sample(100, (ulong)seed)))
        {
            counts[index]++;
        }

        Assert.InRange(counts.Min(), 4, 14);
        Assert.InRange(counts.Max(), 27, 42);
        Assert.Equal(10_000, counts.Take(500).Sum(), 300d);
    }

    [Fact]
    public void A_random_sample_is_the_same_from_every_format_and_over_several_files()
    {
        const string File = "hub/shp.snappy.parquet";
        List<DataRow> all = ParquetFiles.Read(File);
        var selection = new RowSelection(7, MinScoreRatio: 1.2, MaxPairsPerPost: 2, Sample: SampleMode.Random, Seed: 3);
        string lines = string.Concat(all.Select(Json));
        string[] expected = [.. new RowSelector(selection).Select(RowSource.OpenFile(_folder.Write("shp.jsonl", lines)))
            .Select(row => row.Row.GetText("history"))];
        string[] parquet =
            [.. new RowSelector(selection).Select(RowSource.OpenFile(ParquetFiles.Path(File))).Select(row => row.Row.GetText("history"))];

        Assert.Equal(7, expected.Length);
        Assert.Equal(expected, parquet);

        int half = all.Count / 2;
        _folder.Write("cut/train-0.jsonl", string.Concat(all.Take(half).Select(Json)));
        _folder.Write("cut/train-1.jsonl", string.Concat(all.Skip(half).Select(Json)));
        IRowSource cut = DatasetRows.Open(Path.Combine(_folder.Path, "cut"), "train");
        Assert.Equal(2, cut.Parts.Count);
        Assert.Equal(expected, new RowSelector(selection).Select(cut).Select(row => row.Row.GetText("history")));
    }

    [Fact]
    public void A_random_sample_of_parquet_reads_no_needless_columns_and_row_groups()
    {
        const string File = "hub/shp.snappy.parquet";
        long all = BytesRead(File, source => source.Read().Count());
        long drawn = BytesRead(File, source => source.Read(names => ["score_ratio"]).Count());
        Assert.True(drawn < all / 2, $"{drawn} of {all} bytes to draw");

        const string Groups = "hub/flat.snappy.parquet";
        long whole = BytesRead(Groups, source => source.Read().Count());
        long last = BytesRead(Groups, source => source.ReadAt([250], names => names).Count());
        Assert.True(last < whole * 2 / 3, $"{last} of {whole} bytes for a row of the third row group");
    }

    [Theory]
    [InlineData("hub/flat.snappy.parquet")]
    [InlineData("hub/conversational.snappy.parquet")]
    public void Rows_at_positions_are_those_rows(string file)
    {
        List<DataRow> all = ParquetFiles.Read(file);
        long[] positions = [0, 3, 4, all.Count / 2, all.Count - 1, all.Count + 5];
        IRowSource source = RowSource.OpenFile(ParquetFiles.Path(file));

        Assert.Equal(positions.SkipLast(1).Select(at => Json(all[(int)at])), source.ReadAt(positions, names => names).Select(Json));
        Assert.Empty(source.ReadAt([], names => names));
    }

    [Fact]
    public void The_dataset_reports_domains_filters_and_posts()
    {
        var tokenizer = new PairTokenizer(new FakeEncoder(), new FakeTemplate(), new TextOptions());
        var train = PairDataset.LoadSelected(
            Write(Enumerable.Range(0, 40).Select(i => (i / 4, 1 + (i % 4)))), tokenizer,
            new LoadOptions(new RowSelection(MinScoreRatio: 3)),
            TestContext.Current.CancellationToken);
        var eval = PairDataset.Load(
            Write(Enumerable.Range(32, 16).Select(i => (i / 4, 1 + (i % 4)))), tokenizer, null, TestContext.Current.CancellationToken);
        var report = DataReport.Of(train, eval);

        Assert.Equal((20L, 20L), (report.Train.PairsRead, report.Train.Selection.BelowScoreRatio));
        Assert.Equal([("even", 10L), ("odd", 10L)], report.Train.Domains.Select(d => (d.Key, d.Value)));
        Assert.Equal((10L, 4L), (report.Train.DistinctPosts, report.Eval!.DistinctPosts));
        Assert.Equal((2L, 8L), (report.SharedPosts, report.EvalPairsWithSharedPost));
        Assert.Equal([2L, 3, 6, 7], train.Pairs.Take(4).Select(pair => pair.RowIndex));

        var text = new StringWriter();
        DataReportText.Write(report, text);
        string[] lines = text.ToString().Split(Environment.NewLine);
        Assert.Contains(lines, line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["below", "--min-score-ratio", "20", "0"]);
        Assert.Contains(lines, line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["even", "10", "8"]);
        Assert.Contains(lines, line =>
            line.Contains("eval pairs with such a post", StringComparison.Ordinal) && line.EndsWith("8 of 16", StringComparison.Ordinal));
    }

    [Fact]
    public void Filters_that_leave_nothing_say_so()
    {
        var tokenizer = new PairTokenizer(new FakeEncoder(), new FakeTemplate(), new TextOptions());
        string message = Rows.Error(() => PairDataset.LoadSelected(
            Write(Enumerable.Range(0, 4).Select(i => (i, 1))), tokenizer, new LoadOptions(new RowSelection(MinScoreRatio: 9))));
        Assert.Contains("--min-score-ratio", message, StringComparison.Ordinal);
    }

    private static long BytesRead(string name, Func<IRowSource, int> read)
    {
        using var stream = new CountingStream(ParquetFiles.Bytes(name));
        read(new ParquetSource(name, () => stream));
        return stream.BytesRead;
    }

    private IRowSource Write(IEnumerable<(int Post, int Ratio)> rows) =>
        RowSource.OpenFile(_folder.Write($"rows{Guid.NewGuid():N}.jsonl", Lines(rows)));

    private static string Lines(IEnumerable<(int Post, int Ratio)> rows) => string.Concat(rows.Select((row, i) =>
        $$"""{"history":"question {{row.Post}}","human_ref_A":"yes {{i}}","human_ref_B":"no {{i}}","labels":1,"score_ratio":{{row.Ratio}},"post_id":"p{{row.Post}}","domain":"{{(row.Post % 2 == 0 ? "even" : "odd")}}"}""" + "\n"));

    private static string Json(DataRow row)
    {
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes))
        {
            writer.WriteStartObject();
            row.WriteColumns(writer);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(bytes.ToArray()) + "\n";
    }
}
