using Rm.Formats.ChatTemplates;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;

namespace Rm.Host.Tests.Data;

/// <summary>Messages reach the template with all their fields, and the columns beside them as its variables.</summary>
public sealed class MessageFieldTests
{
    private const string Calls = """[{"type":"function","function":{"name":"w","arguments":{"c":null,"n":1.0}}}]""";

    [Fact]
    public void Every_field_reaches_the_template_and_null_ones_do_not()
    {
        string text = Render(
            "{% for m in messages %}{{ m.keys() | join(',') }};{% endfor %}{{ messages[1].tool_calls[0].function.arguments | tojson }}",
            $$"""{"messages": [{"role":"user","content":"q","name":"Al","x":null},{"role":"assistant","tool_calls":{{Calls}},"content":null,"reasoning_content":"r"}]}""");
        Assert.Equal("""role,content,name;role,tool_calls,reasoning_content;{"c": null, "n": 1.0}""", text);
    }

    [Fact]
    public void Parts_stay_a_list()
    {
        string text = Render(
            "{% for m in messages %}{{ m.content is string }}{% endfor %}{{ messages[0].content[1].text }}",
            """{"messages": [{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},{"role":"assistant","content":"c"}]}""");
        Assert.Equal("FalseTrueb", text);
    }

    [Fact]
    public void A_template_that_takes_strings_only_fails_on_parts_and_the_message_says_why()
    {
        var tokenizer = new PairTokenizer(
            new FakeEncoder(), ChatTemplate.Parse("{% for m in messages %}{{ 'x' + m.content }}{% endfor %}"), new TextOptions());
        string error = Rows.Error(() => tokenizer.Tokenize(
            Rows.Pair("""{"prompt": [{"role":"user","content":[{"type":"text","text":"q"}]}], "chosen": "a", "rejected": "b"}"""), 0));
        Assert.Contains("line 7", error, StringComparison.Ordinal);
        Assert.Contains("list of parts", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Tools_documents_and_kwargs_are_variables_also_as_json_texts()
    {
        string text = Render(
            "{{ tools[0].name }}{{ documents | length }}{{ enable_thinking }}{{ bos_token }}",
            """{"messages": [{"role":"user","content":"q"}], "tools": "[{\"name\": \"w\"}]", "documents": [{}, {}], "chat_template_kwargs": {"enable_thinking": false, "bos_token": "x"}}""",
            new ChatTemplateSettings(new Dictionary<string, string> { ["bos_token"] = "y" }));
        Assert.Equal("w2Falsex", text);
    }

    [Fact]
    public void The_whole_answer_is_the_response_tool_calls_and_reasoning_included()
    {
        var template = ChatTemplate.Parse(
            "{% for m in messages %}<{{ m.role }}>{% if m.reasoning_content %}({{ m.reasoning_content }}){% endif %}{{ m.content }}{% for "
                + "c in m.tool_calls or [] %}!{{ c.function.name }}{% endfor %}</>{% endfor %}");
        var tokenizer = new PairTokenizer(new FakeEncoder(), template, new TextOptions(MaxSeqLen: 30));
        PairRow row = Rows.Pair($$"""
            {"chosen": [{"role":"user","content":"q"},{"role":"assistant","content":"","reasoning_content":"because of it","tool_calls":{{Calls}}}],
             "rejected": [{"role":"user","content":"q"},{"role":"assistant","content":"no"}]}
            """);
        TokenizedRow tokenized = tokenizer.Tokenize(row, 0);
        Assert.Equal("<user>q</><assistant>".Length, tokenized.PromptTokens);
        Assert.NotNull(tokenized.Pair); // cut inside the reasoning, the closing stays
        Assert.True(tokenized.ChosenTruncated);
    }

    [Theory]
    [InlineData("tool_calls", $$"""{"chosen": [{"role":"user","content":"q"},{"role":"assistant","content":"","tool_calls":{{Calls}}}], "rejected": [{"role":"user","content":"q"},{"role":"assistant","content":"b"}]}""")]
    [InlineData("tools", """{"tools": [{"name":"w"}], "chosen": [{"role":"user","content":"q"},{"role":"assistant","content":"a"}], "rejected": [{"role":"user","content":"q"},{"role":"assistant","content":"b"}]}""")]
    public void Without_a_template_what_only_it_could_write_is_refused(string field, string json)
    {
        var tokenizer = new PairTokenizer(new FakeEncoder(), null, new TextOptions(UseChatTemplate: false));
        string error = Rows.Error(() => tokenizer.Tokenize(Rows.Pair(json), 0));
        Assert.Contains($"'{field}'", error, StringComparison.Ordinal);
        Assert.Contains("--no-chat-template", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Turns_that_differ_in_a_field_only_are_different_pairs()
    {
        static PairRow Row(string name) => Rows.Pair($$"""
            {"chosen": [{"role":"user","content":"q","name":"{{name}}"},{"role":"assistant","content":"a"}], "rejected": [{"role":"user","content":"q","name":"{{name}}"},{"role":"assistant","content":"b"}]}
            """);
        Assert.NotEqual(PairHash.Of(Row("A")), PairHash.Of(Row("B")));
        Assert.NotEqual(PromptHash.Of(Row("A")), PromptHash.Of(Row("B")));
    }

    private static string Render(string source, string row, ChatTemplateSettings? settings = null)
    {
        ScoreRow parsed = ScoreRowParser.Parse(Rows.Row(row));
        return ChatTemplate.Parse(source, settings).Render(parsed.Single!.Messages!, addGenerationPrompt: false, parsed.Single.Inputs);
    }
}
