using System.Text.Json;
using Rm.Formats;
using Rm.Formats.Datasets;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;

namespace Rm.Host.Tests.Data;

/// <summary>
/// What the data report shows of the texts themselves: the first pair, columns that were not read, prompts that differ, ids without a row.
/// </summary>
public sealed class FirstPairTests : IDisposable
{
    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_first_pair_is_shown_decoded_with_its_reward_token_and_what_was_cut()
    {
        PairDataset data = Load(
            """{"prompt":"q","chosen":"a\u0007b","rejected":"a very long answer indeed","source":"s"}""", new TextOptions(UseChatTemplate: false, MaxSeqLen: 12));
        var text = new StringWriter();
        DataReportText.Write(DataReport.Of(data), text);
        string shown = text.ToString();
        Assert.Contains("train: the first pair as the model reads it", shown, StringComparison.Ordinal);
        Assert.Contains("    | qa\\u0007b", shown, StringComparison.Ordinal); // no control character reaches a terminal
        Assert.Contains("rejected, 12 tokens (truncated), reward read at the last one, ", shown, StringComparison.Ordinal);
        Assert.Contains("columns that were not read: source", shown, StringComparison.Ordinal);

        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            DataReportJson.Write(DataReport.Of(data), writer);
        }

        JsonElement train = JsonElement.Parse(buffer.ToArray()).GetProperty("train");
        JsonElement pair = train.GetProperty("first_pair");
        Assert.StartsWith("qa\u0007b", pair.GetProperty("chosen").GetProperty("text").GetString(), StringComparison.Ordinal);
        Assert.True(pair.GetProperty("rejected").GetProperty("truncated").GetBoolean());
        Assert.Equal(data.Pairs[0].Chosen[^1], pair.GetProperty("chosen").GetProperty("reward_token_id").GetInt32());
        Assert.Equal("source", train.GetProperty("columns_not_read")[0].GetString());
    }

    [Fact]
    public void Ties_are_dropped_and_prompts_that_differ_are_counted()
    {
        PairDataset data = Load(
            """{"context": [{"role":"user","content":"q"}], "response1": "a", "response2": "b", "overall_preference": 0}""" + "\n"
            + """{"chosen": [{"role":"user","content":"q"},{"role":"assistant","content":"a"}], "rejected": [{"role":"user","content":"r"},{"role":"assistant","content":"b"}]}""",
            new TextOptions());
        Assert.Equal(1, data.Report.Dropped[DropReason.NoPreference]);
        Assert.Equal((1, 1), (data.Report.PairsKept, data.Report.PromptsDiffer));
    }

    [Fact]
    public void Ids_made_from_text_are_compared_with_the_vocabulary_before_the_first_step()
    {
        string error = Assert.Throws<UserInputException>(() => Load("""{"prompt":"q","chosen":"a\u00ff","rejected":"b"}""", new TextOptions(UseChatTemplate: false, VocabSize: 200))).Message;
        Assert.Contains("line 1: token id", error, StringComparison.Ordinal);
        Assert.Contains("outside the model's vocabulary of 200", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Text_rows_and_message_rows_that_are_read_at_different_tokens_are_told()
    {
        const string Texts = """{"chosen":"one text","rejected":"another"}""";
        const string Messages = """{"chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"b"}]}""";
        const string Warning = "rows of different kinds are read at different tokens";
        Assert.Contains(Warning, Report(Texts + "\n" + Messages), StringComparison.Ordinal);
        Assert.DoesNotContain(Warning, Report(Texts), StringComparison.Ordinal);
        Assert.DoesNotContain(Warning, Report(Messages), StringComparison.Ordinal);

        string Report(string rows)
        {
            using var output = new StringWriter();
            DataReportText.Write(DataReport.Of(Load(rows, new TextOptions())), output);
            return output.ToString();
        }
    }

    [Fact]
    public void NaN_is_called_by_its_name()
    {
        string error = Assert.Throws<UserInputException>(() => Load("""{"prompt":"q","chosen":"a","rejected":"b","score_ratio":NaN}""", new TextOptions())).Message;
        Assert.Contains("line 1: holds NaN", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Parquet_columns_marked_as_JSON_read_as_what_they_hold()
    {
        string folder = Path.Combine(TestPaths.Golden, "real-files", "rows-parquet-json-content");
        PairRow[] parquet = [.. RowSource.OpenFile(Path.Combine(folder, "train.parquet")).Read().Select(PairRowParser.Parse)];
        PairRow[] lines = [.. RowSource.OpenFile(Path.Combine(folder, "rows.jsonl")).Read().Select(PairRowParser.Parse)];
        Assert.Equal(3, lines.Length);
        Assert.Equal(lines.Select(row => PairHash.Of(row)), parquet.Select(row => PairHash.Of(row)));
        Assert.Equal("About \"nine\" minutes.\nThen cold water.", parquet[0].Chosen.Messages![^1].Content);
    }

    private PairDataset Load(string rows, TextOptions options)
    {
        string file = _folder.Write("rows.jsonl", rows);
        return PairDataset.Load(RowSource.OpenFile(file), new PairTokenizer(new FakeEncoder(), new FakeTemplate(), options));
    }
}
