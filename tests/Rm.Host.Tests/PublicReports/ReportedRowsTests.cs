using Rm.Formats.Rows;
using Rm.Formats.Tokenization;
using Rm.Host.Tests.Data;

namespace Rm.Host.Tests.PublicReports;

/// <summary>
/// What users of other trainers reported about their preference rows, made again with small rows: the right reading, or an error that says
/// what to do. The number is that of the public report.
/// </summary>
public sealed class ReportedRowsTests
{
    private const string Question = """{"role":"user","content":"q"}""";

    [Theory]
    [InlineData("null", "is null; a pair needs both of its sides")]
    [InlineData("[]", "is an empty list")]
    [InlineData("""["b", null]""", "field 'rejected_response[1]': must be a string, not null")]
    public void MsSwift_5712_a_missing_answer_is_named_where_others_drop_all_rows(string rejected, string message)
    {
        string messages = $$"""[{{Question}}, {"role":"assistant","content":"a"}]""";
        string error = Rows.Error(() => Rows.Pair($$"""{"messages": {{messages}}, "rejected_response": {{rejected}}}"""));
        Assert.Contains("rows.jsonl, line 7, field 'rejected_response", error, StringComparison.Ordinal);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Contains(
            message.Replace("rejected_response", "rejected", StringComparison.Ordinal),
            Rows.Error(() => Rows.Pair($$"""{"prompt": "q", "chosen": "a", "rejected": {{rejected}}}""")), StringComparison.Ordinal);
    }

    [Fact]
    public void LLaMAFactory_1829_ranked_answers_need_no_declaration_and_one_answer_is_called_one()
    {
        Assert.Equal("b", Last(Rows.Pair("""{"instruction": "q", "input": "", "output": ["a", "b"]}""").Rejected));
        Assert.Contains(
            "'output' is one answer: a pair needs a second one that is worse.",
            Rows.Error(() => Rows.Pair("""{"instruction": "q", "input": "", "output": "a"}""")), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"text": "some text", "score": 0.8}""", "'text' with a 'score' is one answer and its mark")]
    [InlineData("""{"prompt": "q", "completion": "a", "label": true}""", "'completion' with a 'label'")]
    [InlineData("""{"messages": [{"role":"user","content":"q"},{"role":"assistant","content":"a"}]}""", "'messages' is one answer")]
    [InlineData("""{"Prompt": "q", "Chosen": "a", "Rejected": "b"}""", "'Prompt' must be written 'prompt'")]
    [InlineData("""{"prompt": "q", " chosen": "a", " rejected": "b"}""", "' chosen' must be written 'chosen'")]
    public void LLaMAFactory_9111_rows_that_are_no_pairs_say_what_they_are(string json, string hint) =>
        Assert.Contains(hint, Rows.Error(() => Rows.Pair(json)), StringComparison.Ordinal);

    [Fact]
    public void LLaMAFactory_3364_an_empty_answer_is_a_side_and_a_third_one_is_not_ignored()
    {
        Assert.Equal("", Last(Rows.Pair("""{"instruction": "q", "input": "", "output": ["a", ""]}""").Rejected));
        IReadOnlyList<PairRow> pairs = PairRowParser.ParseAll(
            Rows.Row("""{"instruction": "q", "input": "", "output": ["a", "b", "c"], "history": [["u", "m"]]}"""), RowColumns.None);
        Assert.Equal(["a>b", "a>c", "b>c"], pairs.Select(pair => $"{Last(pair.Chosen)}>{Last(pair.Rejected)}"));
        Assert.All(pairs, pair => Assert.Equal(["u", "m", "q"], pair.Chosen.Messages!.SkipLast(1).Select(turn => turn.Content)));
    }

    [Fact]
    public void Datasets_7222_and_7092_a_column_may_be_null_or_empty_in_one_file_and_filled_in_the_next()
    {
        using var folder = new ScratchFolder();
        folder.Write("train-00000-of-00002.jsonl",
            """{"prompt":"q","chosen":"a","rejected":"b","system":null,"tools":[],"margin":null,"subset":null}""" + "\n");
        folder.Write("train-00001-of-00002.jsonl",
            """{"prompt":"q","chosen":"a","rejected":"b","system":"s","tools":[{"name":"t"}],"margin":2,"subset":"x"}""" + "\n");
        IEnumerable<DataRow> read = Directory.GetFiles(folder.Path).Order(StringComparer.Ordinal).SelectMany(Rows.Read);
        PairRow[] rows = [.. read.Select(PairRowParser.Parse)];
        Assert.Equal([["user", "assistant"], ["system", "user", "assistant"]],
            rows.Select(row => row.Chosen.Messages!.Select(turn => turn.Role).ToArray()));
        Assert.Equal([(0f, null), (2f, "x")], rows.Select(row => (row.Margin, row.Subset)));
        Assert.Equal(1, rows[1].Chosen.Inputs!.Tools!.Value.GetArrayLength());
    }

    [Theory]
    [InlineData("1", "2")]
    [InlineData("\"Nan\"", "null")]
    [InlineData("[1]", "{}")]
    public void Datasets_5827_other_columns_may_hold_anything(string id, string name)
    {
        PairRow row = Rows.Pair($$"""{"id": {{id}}, "name": {{name}}, "prompt": "q", "chosen": "a", "rejected": "b"}""");
        Assert.Equal(("a", "b"), (Last(row.Chosen), Last(row.Rejected)));
    }

    [Theory]
    [InlineData("### Describe the bug (...) ,action: string, datetime: timestamp[s], author: string, (...) Pandas version: 1.3.4")]
    [InlineData("2024-01-02T03:04:05")]
    [InlineData("NaN")]
    [InlineData("null")]
    [InlineData("[\"a\", \"b\"]")]
    [InlineData("{\"role\": \"user\"}")]
    public void Datasets_7664_a_text_is_never_taken_for_its_type(string text)
    {
        string json = System.Text.Json.JsonSerializer.Serialize(text);
        PairRow row = Rows.Pair($$"""{"prompt": {{json}}, "chosen": {{json}}, "rejected": "b", "note": {{json}}}""");
        Assert.Equal([text, text], row.Chosen.Messages!.Select(turn => turn.Content));
    }

    [Fact]
    public void Trl_1886_a_prompt_beside_whole_conversations_is_not_doubled()
    {
        string chosen = $$"""[{{Question}}, {"role":"assistant","content":"a"}]""";
        string rejected = $$"""[{{Question}}, {"role":"assistant","content":"b"}]""";
        PairRow row = Rows.Pair($$"""{"prompt": "q", "chosen": {{chosen}}, "rejected": {{rejected}}, "score_chosen": 8.0}""");
        Assert.Equal(["q", "a"], row.Chosen.Messages!.Select(turn => turn.Content));
    }

    [Fact]
    public void Trl_2385_a_system_column_of_messages_is_not_lost_and_sides_of_other_roles_are_counted()
    {
        Assert.Contains(
            "field 'system': looks like a part of the prompt",
            Rows.Error(() => Rows.Pair(
                $$"""{"system": [{"role":"user","content":"s"}], "prompt": [{{Question}}], "chosen": "a", "rejected": "b"}""")),
            StringComparison.Ordinal);
        PairRow mixed = Rows.Pair($$"""
            {"prompt": [{{Question}}], "chosen": [{"role":"assistant","content":"a"}], "rejected": [{"role":"user","content":"b"}]}
            """);
        Assert.True(mixed.PromptsDiffer);
    }

    private static string Last(Conversation side)
    {
        ChatMessage turn = side.Messages![^1];
        Assert.Equal("assistant", turn.Role);
        return turn.Content;
    }
}
