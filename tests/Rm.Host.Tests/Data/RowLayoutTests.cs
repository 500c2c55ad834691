using Rm.Formats.Rows;

namespace Rm.Host.Tests.Data;

/// <summary>Layouts of public preference sets and of other trainers' rows: what turns they become, and what is refused by name.</summary>
public sealed class RowLayoutTests
{
    private const string System = "system:Be brief.", Question = "user:2+2?", Good = "assistant:It is 4.", Bad = "assistant:5";

    [Theory]
    [InlineData("""{"system": "Be brief.", "question": "2+2?", "chosen": "It is 4.", "rejected": "5"}""", true)] // Intel Orca
    [InlineData("""{"system": "Be brief.", "input": "2+2?", "chosen": "It is 4.", "rejected": "5"}""", true)] // axolotl
    [InlineData("""{"system": "", "input": "2+2?", "chosen": "It is 4.", "rejected": "5"}""", false)]
    [InlineData("""{"system": null, "prompt": "2+2?", "chosen": "It is 4.", "rejected": "5"}""", false)]
    [InlineData("""{"system": "Be brief.", "prompt": "2+2?", "chosen": "It is 4.", "rejected": "5"}""", true)]
    [InlineData("""{"system_prompt": "Be brief.", "prompt": [{"role":"user","content":"2+2?"}], "chosen": "It is 4.", "rejected": "5"}""", true)]
    [InlineData("""{"instruction": "2+2?", "input": "", "chosen": "It is 4.", "rejected": "5"}""", false)] // LLaMA-Factory, Alpaca
    [InlineData("""{"instruction": "2+2?", "chosen_response": "It is 4.", "rejected_response": "5"}""", false)] // argilla
    [InlineData("""{"conversations": [{"from":"human","value":"2+2?"}], "chosen": {"from":"gpt","value":"It is 4."}, "rejected": {"from":"gpt","value":"5"}}""", false)]
    [InlineData("""{"conversations": [{"from":"system","value":"Be brief."},{"from":"human","value":"2+2?"}], "chosen": [{"from":"gpt","value":"It is 4."}], "rejected": [{"from":"gpt","value":"5"}]}""", true)]
    [InlineData("""{"messages": [{"role":"user","content":"2+2?"}], "chosen": {"role":"assistant","content":"It is 4."}, "rejected": {"role":"assistant","content":"5"}}""", false)]
    [InlineData("""{"messages": [{"role":"user","content":"2+2?"},{"role":"assistant","content":"It is 4."}], "rejected_response": "5"}""", false)] // ms-swift
    [InlineData("""{"system": "Be brief.", "messages": [{"role":"user","content":"2+2?"},{"role":"assistant","content":"It is 4."}], "rejected_messages": [{"role":"user","content":"2+2?"},{"role":"assistant","content":"5"}]}""", true)]
    [InlineData("""{"query": "2+2?", "response": "It is 4.", "rejected_response": "5"}""", false)]
    [InlineData("""{"question": "2+2?", "response_chosen": "It is 4.", "response_rejected": "5"}""", false)] // MedicalGPT
    [InlineData("""{"instruction": "2+2?", "input": "", "output": ["It is 4.", "5"]}""", false)] // LLaMA-Factory before 0.8
    [InlineData("""{"prompt": "2+2?", "prompt_id": "x", "messages": [{"role":"user","content":"2+2?"},{"role":"assistant","content":"It is 4."}], "chosen": [{"role":"user","content":"2+2?"},{"role":"assistant","content":"It is 4."}], "rejected": [{"role":"user","content":"2+2?"},{"role":"assistant","content":"5"}], "score_chosen": 9}""", false)] // UltraFeedback
    [InlineData("""{"context": [{"role":"user","content":"2+2?"}], "response1": "5", "response2": "It is 4.", "overall_preference": 2}""", false)] // HelpSteer3
    [InlineData("""{"prompt": "2+2?", "response_1": "It is 4.", "response_2": "5", "preference_strength": -1}""", false)] // HelpSteer2
    [InlineData("""{"prompt": "2+2?", "response_0": "5", "response_1": "It is 4.", "better_response_id": 1, "safer_response_id": 0}""", false)] // PKU-SafeRLHF
    [InlineData("""{"conversation_a": [{"role":"user","content":"2+2?"},{"role":"assistant","content":"5"}], "conversation_b": [{"role":"user","content":"2+2?"},{"role":"assistant","content":"It is 4."}], "winner": "model_b", "turn": 1}""", false)]
    [InlineData("""{"prompt": "\n\nHuman: 2+2?\n\nAssistant: ", "answers": [{"answer":"It is 4.","rank":1.0},{"answer":"5","rank":2.0}]}""", false)] // Nectar
    [InlineData("""{"context": [{"role":"user","content":"2+2?"}], "completions": [{"rank":1,"completion":[{"role":"assistant","content":"5"}]},{"rank":0,"completion":[{"role":"assistant","content":"It is 4."}]}]}""", false)] // NeMo
    [InlineData("""{"instruction": "2+2?", "completions": [{"response":"5","overall_score":3.0},{"response":"It is 4.","overall_score":"8"}]}""", false)]
    public void A_layout_becomes_the_turns_that_it_means(string json, bool hasSystem)
    {
        PairRow row = Rows.Pair(json);
        string[] head = hasSystem ? [System, Question] : [Question];
        Assert.Equal([.. head, Good], Turns(row.Chosen));
        Assert.Equal([.. head, Bad], Turns(row.Rejected));
        Assert.False(row.PromptsDiffer);
        Assert.False(row.HasNoPreference);
    }

    [Fact]
    public void Alpaca_input_and_history_come_in_their_order()
    {
        PairRow row = Rows.Pair("""
            {"instruction": "Translate.", "input": "Hola", "chosen": "Hello", "rejected": "Bye", "system": "Be brief.", "history": [["Hi.", "Hello."]]}
            """);
        Assert.Equal(["system:Be brief.", "user:Hi.", "assistant:Hello.", "user:Translate.\nHola", "assistant:Hello"], Turns(row.Chosen));
    }

    [Fact]
    public void A_rejected_response_replaces_all_after_the_last_user_turn()
    {
        PairRow row = Rows.Pair("""
            {"messages": [{"role":"user","content":"Weather?"},{"role":"tool_call","content":"{\"name\": \"w\", \"arguments\": {\"c\": \"A\"}}"},
             {"role":"tool_response","content":"sunny"},{"role":"assistant","content":"Sunny."}], "rejected_response": "No idea."}
            """);
        Assert.Equal(["user:Weather?", "assistant:", "tool:sunny", "assistant:Sunny."], Turns(row.Chosen));
        Assert.Equal(
            """{"role":"assistant","content":"","tool_calls":[{"type":"function","function":{"name":"w","arguments":{"c":"A"}}}]}""", row.Chosen.Messages![1].Json);
        Assert.Equal(["user:Weather?", "assistant:No idea."], Turns(row.Rejected));
    }

    [Theory]
    [InlineData("""{"query": "q", "response": "a", "rejected_response": ["b", "c"]}""")]
    [InlineData("""{"prompt": "q", "chosen": "a", "rejected": ["b", "c"]}""")]
    [InlineData("""{"messages": [{"role":"user","content":"q"},{"role":"assistant","content":"a"}], "rejected_response": ["b", "c"]}""")]
    public void Several_rejected_answers_are_a_pair_each(string json)
    {
        IReadOnlyList<PairRow> pairs = PairRowParser.ParseAll(Rows.Row(json), RowColumns.None);
        Assert.Equal(["user:q;assistant:b", "user:q;assistant:c"], pairs.Select(pair => string.Join(';', Turns(pair.Rejected))));
        Assert.All(pairs, pair => Assert.Equal(["user:q", "assistant:a"], Turns(pair.Chosen)));
        Assert.Contains("makes several pairs", Rows.Error(() => ScoreRowParser.Parse(Rows.Row(json))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("chosen_ids", "rejected_ids")]
    [InlineData("input_ids_chosen", "input_ids_rejected")]
    [InlineData("chosen_input_ids", "rejected_input_ids")]
    [InlineData("input_ids_j", "input_ids_k")]
    public void Token_ids_are_read_under_the_names_of_other_trainers(string chosen, string rejected)
    {
        PairRow row = Rows.Pair($$"""{"{{chosen}}": [1, 2], "{{rejected}}": [1, 3], "attention_mask_j": [1, 1]}""");
        Assert.Equal([1, 2], row.Chosen.TokenIds!);
        Assert.Equal([1, 3], row.Rejected.TokenIds!);
    }

    [Fact]
    public void A_ranking_is_a_pair_for_every_two_answers_of_different_rank()
    {
        IReadOnlyList<PairRow> pairs = PairRowParser.ParseAll(
            Rows.Row("""{"prompt": "p", "answers": [{"answer":"c","rank":3},{"answer":"a","rank":1},{"answer":"b","rank":2},{"answer":"d","rank":3}]}"""), RowColumns.None);
        Assert.Equal(
            ["a>b", "a>c", "a>d", "b>c", "b>d"], pairs.Select(
                pair => $"{pair.Chosen.Messages![^1].Content}>{pair.Rejected.Messages![^1].Content}").Order(StringComparer.Ordinal));
        Assert.All(pairs, pair => Assert.Equal(RowKind.Ranking, pair.Kind));
    }

    [Theory]
    [InlineData("""{"context": [{"role":"user","content":"q"}], "response1": "a", "response2": "b", "overall_preference": 0}""")]
    [InlineData("""{"prompt": "q", "answers": [{"answer":"a","rank":1},{"answer":"b","rank":1}]}""")]
    [InlineData("""{"conversation_a": [{"role":"user","content":"q"}], "conversation_b": [{"role":"user","content":"q"}], "winner": "tie (bothbad)"}""")]
    public void A_tie_is_a_pair_without_preference(string json) => Assert.True(Rows.Pair(json).HasNoPreference);

    [Theory]
    [InlineData("""{"chosen": "a", "rejected": null}""", "rejected", "is null; a pair needs both")]
    [InlineData("""{"messages": [{"role":"user","content":"q"},{"role":"assistant","content":"a"}], "rejected_response": null}""", "rejected_response", "is null")]
    [InlineData("""{"messages": [{"role":"user","content":"q"},{"role":"tool_call","content":"w()"},{"role":"assistant","content":"a"}], "rejected_response": "b"}""", "messages[1].content", "call as JSON")]
    [InlineData("""{"conversations": [{"from":"human","value":"q"},{"from":"gpt","value":"r"}], "chosen": {"from":"gpt","value":"a"}, "rejected": {"from":"gpt","value":"b"}}""", "conversations", "ends in an assistant turn")]
    [InlineData("""{"prompt": "p", "chosen": null, "rejected": "b"}""", "chosen", "is null")]
    [InlineData("""{"background_question": "q", "chosen": "a", "rejected": "b"}""", "background_question", "looks like a part of the prompt")]
    [InlineData("""{"prompt": "p", "context": "Only this.", "chosen": "a", "rejected": "b"}""", "context", "--ignore-columns context")]
    [InlineData("""{"history": [["u", "a"]], "chosen": "a", "rejected": "b"}""", "history", "looks like a part of the prompt")]
    [InlineData("""{"system": "s", "chosen": "a", "rejected": "b"}""", "system", "whole texts")]
    [InlineData("""{"system": "s", "chosen": [{"role":"system","content":"t"},{"role":"user","content":"u"},{"role":"assistant","content":"a"}], "rejected": [{"role":"system","content":"t"},{"role":"user","content":"u"},{"role":"assistant","content":"b"}]}""", "system", "differs from the system turn")]
    [InlineData("""{"prompt": "p", "response_0": "a", "response_1": "b", "better_response_id": 2}""", "better_response_id", "must be 0 or 1")]
    [InlineData("""{"prompt": "p", "answers": [{"answer":"a","rank":1},{"answer":"b"}]}""", "answers[1]", "neither a rank nor a score")]
    [InlineData("""{"prompt": "p", "chosen": 4, "rejected": "5"}""", "chosen", "must be a string, not a number")]
    [InlineData("""{"conversations": [{"from":"narrator","value":"x"}], "chosen": {"from":"gpt","value":"a"}, "rejected": {"from":"gpt","value":"b"}}""", "conversations[0].from", "narrator")]
    [InlineData("""{"chosen": [{"role":"user","content":"q"},{"role":"assistant","content":null}], "rejected": [{"role":"user","content":"q"},{"role":"assistant","content":"b"}]}""", "chosen[1].content", "must be a string")]
    [InlineData("""{"chat_template_kwargs": {"tools": []}, "chosen": [{"role":"user","content":"q"},{"role":"assistant","content":"a"}], "rejected": [{"role":"user","content":"q"},{"role":"assistant","content":"b"}]}""", "chat_template_kwargs.tools", "parameter of the rendering")]
    public void What_would_be_left_out_or_misread_is_refused_by_name(string json, string field, string message)
    {
        string error = Rows.Error(() => Rows.Pair(json));
        Assert.Contains($"'{field}'", error, StringComparison.Ordinal);
        Assert.Contains(message, error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_user_says_of_columns_is_followed()
    {
        DataRow row = Rows.Row("""{"background_question": "q", "persona": "s", "context": "c", "chosen": "a", "rejected": "b"}""");
        PairRow pair =
            Assert.Single(PairRowParser.ParseAll(row, new RowColumns("background_question", "persona", new HashSet<string> { "context" })));
        Assert.Equal(["system:s", "user:q", "assistant:a"], Turns(pair.Chosen));
        Assert.Empty(pair.Unread);
        Assert.Same(row, pair.Source);
        string error = Rows.Error(() => PairRowParser.ParseAll(row, new RowColumns("absent")));
        Assert.Contains("has no column 'absent', which --prompt-column names", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Columns_of_text_that_are_not_read_are_told()
    {
        PairRow row = Rows.Pair("""{"prompt": "p", "chosen": "a", "rejected": "b", "source": "s", "id": 3, "notes": [], "chosen-model": "m", "margin": 1, "critique": {"x": 1}}""");
        Assert.Equal(["source", "chosen-model", "critique"], row.Unread);
    }

    [Fact]
    public void A_numeric_string_stays_a_string() => Assert.Equal("2", Rows.Pair("""{"prompt": "1+1?", "chosen": "2", "rejected": "3"}""").Chosen.Messages![^1].Content);

    [Theory]
    [InlineData("""[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]""", """[{"role":"user","content":"other"},{"role":"assistant","content":"b"}]""", true)]
    [InlineData("""[{"role":"user","content":"q"},{"role":"assistant","content":"a"}]""", """[{"role":"system","content":"s"},{"role":"user","content":"q"},{"role":"assistant","content":"b"}]""", true)]
    [InlineData("""[{"role":"user","content":"q"},{"role":"assistant","content":"a"},{"role":"user","content":"r"},{"role":"assistant","content":"c"}]""", """[{"role":"user","content":"q"},{"role":"assistant","content":"b"}]""", false)]
    public void Prompts_are_compared_between_the_sides(string chosen, string rejected, bool differ) =>
        Assert.Equal(differ, Rows.Pair($$"""{"chosen": {{chosen}}, "rejected": {{rejected}}}""").PromptsDiffer);

    private static IEnumerable<string> Turns(Conversation side) => side.Messages!.Select(turn => $"{turn.Role}:{turn.Content}");
}
