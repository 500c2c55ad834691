using System.Text.Json;
using Rm.Formats.Rows;
using Rm.Host.Tests.Data;

namespace Rm.Host.Tests.PublicReports;

/// <summary>
/// Message lists that lie in a string, as data frames write them (trl 3140: rows that look like conversations and were trained as text).
/// </summary>
public sealed class MessageTextTests
{
    private const string Chosen = """[{"role": "user", "content": "say \"é\""}, {"role": "assistant", "content": "a, b\nc"}]""";
    private const string Rejected = """[{"role": "user", "content": "say \"é\""}, {"role": "assistant", "content": "no"}]""";

    [Fact]
    public void Csv_holds_lists_of_messages_as_json()
    {
        using var folder = new ScratchFolder();
        string path = folder.Write("rows.csv", $"chosen,rejected\n{Quoted(Chosen)},{Quoted(Rejected)}\n");
        AssertTurns(PairRowParser.Parse(Rows.Read(path)[0]));

        path = folder.Write("prompts.csv",
            "prompt,chosen,rejected\n" + Quoted("""[{"role": "user", "content": "say \"é\""}]""") + ","
            + Quoted("""[{"role": "assistant", "content": "a, b\nc"}]""") + ","
            + Quoted("""{"role": "assistant", "content": "no"}""") + "\n");
        AssertTurns(PairRowParser.Parse(Rows.Read(path)[0]));
    }

    [Theory]
    [InlineData("chosen", "rejected")]
    [InlineData("conversation_a", "conversation_b")]
    [InlineData("messages", "rejected_messages")]
    public void Other_files_may_hold_them_as_json_texts_too(string chosen, string rejected)
    {
        string json = JsonSerializer.Serialize(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [chosen] = Chosen,
            [rejected] = Rejected,
            ["winner"] = "model_a",
        });
        AssertTurns(Rows.Pair(json));

        // What `score` passes on is the row as it was.
        Assert.Equal(Chosen, Rows.Pair(json).Source.Columns[chosen].GetString());
    }

    [Fact]
    public void A_conversation_to_score_may_be_one_too() =>
        Assert.Equal(2, ScoreRowParser.Parse(Rows.Row(JsonSerializer.Serialize(new { messages = Chosen }))).Single!.Messages!.Count);

    [Fact]
    public void Ranked_answers_and_earlier_turns_are_read_from_csv()
    {
        using var folder = new ScratchFolder();
        string path = folder.Write(
            "rows.csv", "prompt,answers\nq," + Quoted("""[{"answer":"b","rank":2},{"answer":"a","rank":1}]""") + "\n");
        PairRow ranked = PairRowParser.Parse(Rows.Read(path)[0]);
        Assert.Equal(("a", "b"), (ranked.Chosen.Messages![^1].Content, ranked.Rejected.Messages![^1].Content));

        path = folder.Write("history.csv", "instruction,chosen,rejected,history\nq,a,b," + Quoted("""[["u","m"]]""") + "\n");
        Assert.Equal(["u", "m", "q", "a"], PairRowParser.Parse(Rows.Read(path)[0]).Chosen.Messages!.Select(turn => turn.Content));
    }

    [Theory]
    [InlineData(Chosen, "no")]
    [InlineData("""["a"]""", """["b"]""")]
    [InlineData("""{"role": "user"}""", """{"role": "admin"}""")]
    [InlineData("""[{"role": "user", "content": "x"}, 5]""", """[{"role": "user", "content": "x"}]""")]
    [InlineData("[]", "[]{")]
    public void Answers_that_are_json_stay_texts(string chosen, string rejected)
    {
        PairRow row = Rows.Pair(JsonSerializer.Serialize(new { prompt = "q", chosen, rejected }));
        Assert.Equal((chosen, rejected), (row.Chosen.Messages![^1].Content, row.Rejected.Messages![^1].Content));
    }

    [Theory]
    [InlineData("""[{'role': 'user', 'content': 'q'}, {'role': 'assistant', 'content': 'a'}]""")]
    [InlineData("[{'content': 'q', 'role': 'user'}\n {'content': 'a', 'role': 'assistant'}]")]
    public void A_list_as_python_prints_it_is_refused(string text) =>
        Assert.Contains(
            "rows.jsonl, line 7, field 'chosen': holds messages as Python prints them",
            Rows.Error(() => Rows.Pair(JsonSerializer.Serialize(new { chosen = text, rejected = text }))), StringComparison.Ordinal);

    [Theory]
    [InlineData(';', "separated by ';'")]
    [InlineData('\t', "separated by tabs")]
    public void Another_separator_is_named(char separator, string hint)
    {
        using var folder = new ScratchFolder();
        string path = folder.Write("rows.csv", $"prompt{separator}chosen{separator}rejected\nq{separator}a{separator}b\n");
        Assert.Contains(hint, Rows.Error(() => PairRowParser.Parse(Rows.Read(path)[0])), StringComparison.Ordinal);
    }

    private static string Quoted(string text) => $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";

    private static void AssertTurns(PairRow row)
    {
        Assert.Equal([("user", "say \"é\""), ("assistant", "a, b\nc")], row.Chosen.Messages!.Select(turn => (turn.Role, turn.Content)));
        Assert.Equal("no", row.Rejected.Messages![^1].Content);
    }
}
