using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Rm.Formats.Datasets;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;

namespace Rm.Host.Tests.Data;

public sealed class PairDatasetTests : IDisposable
{
    private const string TrainRows = """
        {"prompt":"p","chosen":"abcdef","rejected":"xyz"}
        {"prompt":"p","chosen":"abcdef","rejected":"xyz"}
        {"prompt":"q","chosen":"same","rejected":"same"}

        {"prompt":"a much longer prompt","chosen":"a","rejected":"b"}
        {"chosen":"\n\nHuman: t\n\nAssistant: c","rejected":"\n\nHuman: t\n\nAssistant: r"}
        {"chosen_ids":[1,2,3],"rejected_ids":[1,2]}
        """;

    private readonly ScratchFolder _folder = new();
    private readonly PairTokenizer _tokenizer = new(new FakeEncoder(), new FakeTemplate(), new TextOptions(MaxSeqLen: 16));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void KeepsFileOrderAndCountsWhatBecameOfTheRows()
    {
        PairDataset data = Load(TrainRows);
        SplitReport report = data.Report;

        Assert.Equal([0L, 1, 4, 5], data.Pairs.Select(pair => pair.RowIndex));
        Assert.Equal([1L, 2, 6, 7], data.Pairs.Select(pair => pair.SourceLine));
        Assert.Equal((6L, 4L), (report.PairsRead, report.PairsKept));
        Assert.Equal(
            [(DropReason.PromptTooLong, 1L), (DropReason.IdenticalSides, 1L)], report.Dropped.Select(entry => (entry.Key, entry.Value)));
        Assert.Equal(
            [(RowKind.PromptStrings, 4L), (RowKind.Transcripts, 1L), (RowKind.TokenIds, 1L)],
            report.Kinds.Select(entry => (entry.Key, entry.Value)));
        Assert.Equal((2L, 2L, 0L), (report.PairsTruncated, report.ChosenTruncated, report.RejectedTruncated));
        Assert.Equal((1L, 3L), (report.Duplicates, report.DistinctPrompts));
        // 16 + 14 twice, 12 + 12, 3 + 2; prefixes 9, 9, 9, 1.
        Assert.Equal((89L, 28L), (report.Tokens, report.TokensShared));
        Assert.Equal(28 / 89.0, report.SharedFraction);
        Assert.Equal([3, 3, 12, 16, 16, 16, 16], LengthQuantiles.Percentages.Select(report.ChosenLengths.At));
        Assert.Equal(
            [new RewardToken('\n', "\n", 6), new RewardToken(2, "\u0002", 1), new RewardToken(3, "\u0003", 1)], report.RewardTokens);
    }

    [Fact]
    public void ManyRowsGiveTheSamePairsWhateverTheChunksAndThreads()
    {
        string rows = string.Concat(Enumerable.Range(0, 1500).Select(
            i => $"{{\"prompt\":\"{i % 7}\",\"chosen\":\"{i}\",\"rejected\":\"x\"}}\n"));
        PairDataset first = Load(rows);
        PairDataset second = Load(rows);

        Assert.Equal(Enumerable.Range(0, 1500).Select(i => (long)i), first.Pairs.Select(pair => pair.RowIndex));
        Assert.Contains("1499", new FakeEncoder().Decode(first.Pairs[1499].Chosen), StringComparison.Ordinal);
        Assert.Equal(first.Fingerprint.PairsSha256, second.Fingerprint.PairsSha256);
    }

    [Fact]
    public void TheFirstBadRowInFileOrderIsReported()
    {
        string rows = string.Concat(Enumerable.Range(1, 100).Select(
            i => i is 40 or 41 or 90 ? "{\"bad\":1}\n" : "{\"prompt\":\"p\",\"chosen\":\"c\",\"rejected\":\"r\"}\n"));

        Assert.Contains("line 40:", Rows.Error(() => Load(rows)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2L)]
    [InlineData(512L)]
    public void TheLimitStopsReading(long limit)
    {
        string rows = string.Concat(Enumerable.Repeat("{\"prompt\":\"p\",\"chosen\":\"c\",\"rejected\":\"r\"}\n", (int)limit)) + "broken\n";

        Assert.Equal(limit, Load(rows, limit).Report.PairsRead);
        Rows.Error(() => Load(rows));
    }

    [Fact]
    public void NothingToReadAndNothingLeftAreNamed()
    {
        Assert.Contains("no row", Rows.Error(() => Load("\n")), StringComparison.Ordinal);

        PairDataset data = Load("""{"prompt":"p","chosen":"c","rejected":"c"}""");
        string message = Rows.Error(() => data.RequirePairs("training"));
        Assert.Contains("training", message, StringComparison.Ordinal);
        Assert.Contains("1 identical sides", message, StringComparison.Ordinal);
    }

    [Fact]
    public void TheFingerprintFollowsFilesTokensMarginsAndWeights()
    {
        const string Row = """{"chosen_ids":[1,2],"rejected_ids":[1,3],"margin":0}""";
        DatasetFingerprint one = Load(Row).Fingerprint;

        Assert.Equal(one.PairsSha256, Load(Row + "\n").Fingerprint.PairsSha256);
        Assert.NotEqual(one.Files[0].Sha256, Load(Row + "\n").Fingerprint.Files[0].Sha256);
        Assert.NotEqual(one.PairsSha256, Load(Row.Replace("1,3", "1,4", StringComparison.Ordinal)).Fingerprint.PairsSha256);
        Assert.NotEqual(one.PairsSha256, Load(Row.Replace("\":0", "\":1", StringComparison.Ordinal)).Fingerprint.PairsSha256);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Row))), one.Files[0].Sha256);
    }

    [Fact]
    public void TheReportIsWrittenAsTextAndAsJson()
    {
        PairDataset eval = Load("""
            {"prompt":"p","chosen":"c","rejected":"r"}
            {"prompt":"p","chosen":"c2","rejected":"r"}
            {"prompt":"new","chosen":"c","rejected":"r"}
            """);
        var report = DataReport.Of(Load(TrainRows), eval);
        Assert.Equal((1L, 2L), (report.SharedPrompts, report.EvalPairsWithSharedPrompt));

        var text = new StringWriter();
        DataReportText.Write(report, text);
        string[] lines = text.ToString().Split(Environment.NewLine);
        Assert.Contains(lines, line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["pairs", "kept", "4", "3"]);
        Assert.Contains(lines, line => line.Contains("dropped: prompt too long", StringComparison.Ordinal) && line.EndsWith('0'));
        Assert.Contains(lines, line => line.Contains("2 of 3", StringComparison.Ordinal));
        Assert.Contains(lines, line => line == "  10 \"\\n\": 6 of 8 texts");

        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes))
        {
            DataReportJson.Write(report, writer);
        }

        using var json = JsonDocument.Parse(bytes.ToArray());
        JsonElement train = json.RootElement.GetProperty("train");
        Assert.Equal(1, train.GetProperty("dropped").GetProperty("identical_sides").GetInt32());
        Assert.Equal(1, train.GetProperty("kinds").GetProperty("token_ids").GetInt32());
        Assert.Equal(12, train.GetProperty("length_quantiles").GetProperty("chosen").GetProperty("50").GetInt32());
        Assert.Equal("\n", train.GetProperty("reward_tokens")[0].GetProperty("text").GetString());
        Assert.Equal(2, json.RootElement.GetProperty("eval_pairs_with_shared_prompt").GetInt32());
    }

    [Fact]
    public void TheQuickstartLoadsWhole()
    {
        var tokenizer = new PairTokenizer(new FakeEncoder(), new FakeTemplate(), new TextOptions());
        string folder = Path.Combine(TestPaths.Repository, "examples", "quickstart");
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        var train = PairDataset.Load(DatasetRows.Open(folder, "train"), tokenizer, null, cancellation);
        var eval = PairDataset.Load(DatasetRows.Open(folder, "eval"), tokenizer, null, cancellation);

        Assert.Equal((526L, 162L), (train.Report.PairsRead, eval.Report.PairsRead));
        Assert.Equal([RowKind.Transcripts], train.Report.Kinds.Keys);
        Assert.All(train.Report.Dropped.Keys, reason => Assert.Equal(DropReason.IdenticalSides, reason));
        Assert.True(train.Report.SharedFraction > 0.2);
        // Counted in the files by a second program.
        Assert.Equal((525, 162), (train.Report.DistinctPrompts, eval.Report.DistinctPrompts));
        Assert.Equal((0, 0), (DataReport.Of(train, eval).SharedPrompts, DataReport.Of(train, eval).EvalPairsWithSharedPrompt));
    }

    private PairDataset Load(string rows, long? limit = null) =>
        PairDataset.Load(RowSource.OpenFile(_folder.Write("rows.jsonl", rows)), _tokenizer, limit);
}
