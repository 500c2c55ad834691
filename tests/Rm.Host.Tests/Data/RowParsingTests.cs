using System.Text;
using System.Text.Json;
using Rm.Formats.Rows;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Data;

public sealed class RowParsingTests
{
    private static readonly ChatMessage[] OneTurn = [new("user", "p"), new("assistant", "c")];

    [Fact]
    public void PromptStringsBecomeAUserAndAnAssistantTurn()
    {
        PairRow row = Rows.Pair("""{"prompt":"p","chosen":"c","rejected":"r","margin":0.5,"weight":2}""");

        Assert.Equal(RowKind.PromptStrings, row.Kind);
        Assert.Equal(OneTurn, row.Chosen.Messages!);
        Assert.Equal("pc", row.Chosen.Text);
        Assert.Equal("r", row.Rejected.Text![row.Rejected.ResponseStart..]);
        Assert.Equal((0.5f, 2f), (row.Margin, row.Weight));
    }

    [Theory]
    [InlineData("""{"prompt":[{"role":"user","content":"p"}],"chosen":[{"role":"assistant","content":"c"}],"rejected":[{"role":"assistant","content":"r"}]}""")]
    [InlineData("""{"prompt":"p","chosen":[{"role":"assistant","content":"c"}],"rejected":[{"role":"assistant","content":"r"}]}""")]
    [InlineData("""{"prompt":[{"role":"user","content":"p"}],"chosen":"c","rejected":"r"}""")]
    [InlineData("""{"prompt":"x","chosen":[{"role":"user","content":"p"},{"role":"assistant","content":"c"}],"rejected":[{"role":"user","content":"p"},{"role":"assistant","content":"r"}]}""")]
    [InlineData("""{"prompt":[{"role":"user","content":"p"}],"chosen":[{"role":"user","content":"p"},{"role":"assistant","content":"c"}],"rejected":[{"role":"assistant","content":"r"}]}""")]
    public void PromptsAndMessageListsAreJoinedOnce(string json)
    {
        PairRow row = Rows.Pair(json);

        Assert.Equal(RowKind.PromptMessages, row.Kind);
        Assert.Equal(OneTurn, row.Chosen.Messages!);
        Assert.Equal([OneTurn[0], new ChatMessage("assistant", "r")], row.Rejected.Messages!);
    }

    [Fact]
    public void MessageListsNeedNoPrompt()
    {
        PairRow row = Rows.Pair(
            """{"prompt":null,"chosen":[{"role":"user","content":"p"},{"role":"assistant","content":"c"}],"rejected":[{"role":"assistant","content":"r"}]}""");

        Assert.Equal(RowKind.MessageLists, row.Kind);
        Assert.Equal(OneTurn, row.Chosen.Messages!);
    }

    [Theory]
    [InlineData("1", "a", "b")]
    [InlineData("0", "b", "a")]
    [InlineData("\"1\"", "a", "b")]
    public void ShpLabelsSayWhichAnswerIsPreferred(string label, string chosen, string rejected)
    {
        PairRow row = Rows.Pair($$"""{"history":"h","human_ref_A":"a","human_ref_B":"b","labels":{{label}},"score_ratio":2.5,"domain":"askdocs_train","seconds_difference":3}""");

        Assert.Equal(RowKind.Shp, row.Kind);
        Assert.Equal([new ChatMessage("user", "h"), new ChatMessage("assistant", chosen)], row.Chosen.Messages!);
        Assert.Equal("h\n\n" + rejected, row.Rejected.Text);
        Assert.Equal((2.5, "askdocs_train"), (row.ScoreRatio, row.Domain));
    }

    [Fact]
    public void TokenIdsAreTakenAsTheyAre()
    {
        PairRow row = Rows.Pair("""{"chosen_ids":[1,2,3],"rejected_ids":[1,4],"subset":"s"}""");

        Assert.Equal(RowKind.TokenIds, row.Kind);
        Assert.Equal([1, 2, 3], row.Chosen.TokenIds!);
        Assert.Equal("s", row.Domain);
    }

    [Fact]
    public void PlainStringsShareTheirCommonPrefixButNoHalfCharacter()
    {
        PairRow row = Rows.Pair("""{"chosen":"same 😀","rejected":"same 😁"}""");

        Assert.Equal(RowKind.PlainStrings, row.Kind);
        Assert.Null(row.Chosen.Messages);
        Assert.Equal(5, row.Chosen.ResponseStart);
    }

    [Theory]
    [InlineData("""{"prompt":"p","completion":"c"}""", "'prompt', 'completion'")]
    [InlineData("""{"chosen":"c","rejected":null}""", "field 'rejected': is null")]
    [InlineData("""{"chosen":"c","rejected":[{"role":"user","content":"x"}]}""", "both be strings")]
    [InlineData("""{"chosen":5,"rejected":"r"}""", "field 'chosen': must be a string, not a number")]
    [InlineData("""{"chosen":"\ud800","rejected":"r"}""", "field 'chosen': is not valid Unicode")]
    [InlineData("""{"prompt":{},"chosen":"c","rejected":"r"}""", "field 'prompt': must be a string")]
    [InlineData("""{"chosen":[],"rejected":[]}""", "field 'chosen': the list of messages is empty")]
    [InlineData("""{"chosen":[{"role":"user"}],"rejected":[]}""", "field 'chosen[0]': has no \"content\"")]
    [InlineData("""{"chosen":[{"role":"user","content":null}],"rejected":[]}""", "field 'chosen[0].content': must be a string, not null")]
    [InlineData("""{"chosen":[{"role":"user","content":[{"type":"image"}]}],"rejected":[]}""", "other media")]
    [InlineData("""{"chosen":[{"role":"","content":"x"}],"rejected":[]}""", "field 'chosen[0].role': is empty")]
    [InlineData("""{"chosen":["x"],"rejected":[]}""", "field 'chosen[0]': must be an object")]
    [InlineData("""{"chosen_ids":[1,-2],"rejected_ids":[1]}""", "field 'chosen_ids': item 1")]
    [InlineData("""{"chosen_ids":[1,2.5],"rejected_ids":[1]}""", "field 'chosen_ids': item 1")]
    [InlineData("""{"chosen_ids":[1],"rejected_ids":[]}""", "field 'rejected_ids': the list of token ids is empty")]
    [InlineData("""{"history":"h","human_ref_A":"a","human_ref_B":"b","labels":2}""", "field 'labels': must be 1")]
    [InlineData("""{"history":"h","human_ref_A":"a","human_ref_B":"b"}""", "field 'labels': is missing")]
    [InlineData("""{"human_ref_A":"a","human_ref_B":"b","labels":1}""", "field 'history': is missing")]
    [InlineData("""{"chosen":"c","rejected":"r","weight":-1}""", "field 'weight': must be at least 0")]
    [InlineData("""{"chosen":"c","rejected":"r","margin":"big"}""", "field 'margin': must be a finite number, not 'big'")]
    [InlineData("""{"chosen":"c","rejected":"r","margin":1e60}""", "field 'margin': must be within float32")]
    public void ErrorsNameTheRowAndTheField(string json, string what)
    {
        string message = Rows.Error(() => Rows.Pair(json));

        Assert.StartsWith("rows.jsonl, line 7", message, StringComparison.Ordinal);
        Assert.Contains(what, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"messages":[{"role":"user","content":"p"},{"role":"assistant","content":"c"}],"id":5}""", RowKind.SingleMessages)]
    [InlineData("""{"text":"t","id":5}""", RowKind.SingleText)]
    [InlineData("""{"input_ids":[1,2],"id":5}""", RowKind.SingleTokenIds)]
    [InlineData("""{"text":"t","chosen":"c","rejected":"r","id":5}""", RowKind.PlainStrings)]
    public void RowsToScoreKeepTheirOtherColumns(string json, RowKind kind)
    {
        ScoreRow row = ScoreRowParser.Parse(Rows.Row(json));

        Assert.Equal(kind, row.Kind);
        Assert.Equal(kind == RowKind.PlainStrings, row.Pair is not null);
        Assert.NotEqual(row.Pair is null, row.Single is null);
        Assert.Equal("5", row.Source.Columns["id"].GetRawText());
    }

    [Fact]
    public void ColumnsAreWrittenAsTheyWereRead()
    {
        DataRow row = Rows.Row("""{"text":"\u00e9 <é>","reward":0,"number":1.50e+3,"nested":{ "a" : [1, null] }}""");
        using var bytes = new MemoryStream();
        using (var writer = new Utf8JsonWriter(bytes))
        {
            writer.WriteStartObject();
            row.WriteColumns(writer, "reward");
            writer.WriteNumber("reward", 2);
            writer.WriteEndObject();
        }

        Assert.Equal(
            """{"text":"\u00e9 <é>","number":1.50e+3,"nested":{ "a" : [1, null] },"reward":2}""", Encoding.UTF8.GetString(bytes.ToArray()));
    }

    [Fact]
    public void RowsThatCannotBeScoredListTheirColumns()
    {
        string message = Rows.Error(() => ScoreRowParser.Parse(Rows.Row("""{"question":"q"}""")));

        Assert.Contains("'question'", message, StringComparison.Ordinal);
        Assert.Contains("input_ids", message, StringComparison.Ordinal);
    }

    [Fact]
    public void CsvCarriesListsAsJsonAndEmptyOptionalNumbers()
    {
        using var folder = new ScratchFolder();
        string path = folder.Write("a.csv", "chosen_ids,rejected_ids,margin,weight\n\"[1,2]\",\"[1,3]\",,0.5\n");

        PairRow row = PairRowParser.Parse(Rows.Read(path)[0]);

        Assert.Equal([1, 3], row.Rejected.TokenIds!);
        Assert.Equal((0f, 0.5f), (row.Margin, row.Weight));
    }
}
