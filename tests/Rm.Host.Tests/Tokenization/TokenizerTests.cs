using System.Text;
using System.Text.Json.Nodes;
using Rm.Formats;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Tokenization;

public sealed class TokenizerTests
{
    private static readonly string[] families = ["qwen2.5", "llama3", "qwen3", "quickstart"];

    [Fact]
    public void Quickstart_text_survives_a_round_trip()
    {
        Tokenizer tokenizer = TestTokenizers.Load("quickstart");
        foreach (string line in File.ReadLines(Path.Combine(TestPaths.Repository, "examples", "quickstart", "eval.jsonl")))
        {
            string text = JsonNode.Parse(line)!["chosen"]!.ToString();
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text, addSpecialTokens: true)));
        }
    }

    [Fact]
    public void A_stream_gives_out_whole_characters_and_in_the_end_all_of_the_text()
    {
        foreach (string family in families)
        {
            Tokenizer tokenizer = TestTokenizers.Load(family);
            string text = "naïve 日本語 👍🏽<|im_end|> 𐀀 ௧ end";
            int[] ids = tokenizer.Encode(text, addSpecialTokens: false);
            var decoder = new StreamingDecoder(tokenizer);
            var streamed = new StringBuilder();
            foreach (int id in ids)
            {
                string part = decoder.Push(id);
                Assert.DoesNotContain('\uFFFD', part);
                Assert.False(part.Length > 0 && char.IsHighSurrogate(part[^1]));
                streamed.Append(part);
            }

            Assert.Equal("", decoder.Flush());
            Assert.Equal(text, streamed.ToString());
        }
    }

    [Fact]
    public void A_stream_that_ends_inside_a_character_shows_it_as_Decode_does()
    {
        Tokenizer tokenizer = LoadBytes();
        var decoder = new StreamingDecoder(tokenizer);
        Assert.Equal(("a", "", ""), (decoder.Push('a'), decoder.Push(0xF0), decoder.Push(0x9F)));
        Assert.Equal("\uFFFD", decoder.Flush());
        Assert.Equal("a\uFFFD", tokenizer.Decode(['a', 0xF0, 0x9F]));
        Assert.Equal("b", decoder.Push('b'));
    }

    [Theory]
    [InlineData("a\uD800b")]
    [InlineData("\uDC00")]
    [InlineData("x\uD83D")]
    [InlineData("\uDC4D\uD83D e\u0301")]
    public void Lone_surrogates_encode_as_the_replacement_character(string text)
    {
        foreach (string family in families)
        {
            Tokenizer tokenizer = TestTokenizers.Load(family);
            string repaired = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
            Assert.Equal(tokenizer.Encode(repaired, addSpecialTokens: false), tokenizer.Encode(text, addSpecialTokens: false));
        }
    }

    [Fact]
    public void Long_words_merge_as_short_ones_do()
    {
        // The scan below 49 symbols and the queue above must agree with the definition, on words of both sizes.
        Tokenizer tokenizer = TestTokenizers.Load("quickstart");
        var reference = MergeReference.Quickstart();
        var random = new Random(5);
        foreach (int length in (int[])[2, 3, 17, 47, 48, 49, 50, 100, 700])
        {
            for (int i = 0; i < 20; i++)
            {
                string word = string.Concat(Enumerable.Range(0, length).Select(_ => "etaoinshrdlu"[random.Next(i < 10 ? 12 : 3)]));
                Assert.Equal(reference.Encode(word), tokenizer.Encode(word, addSpecialTokens: false));
            }
        }
    }

    [Fact]
    public void Special_tokens_are_never_doubled()
    {
        Tokenizer tokenizer = TokenizerFolder.LoadChanged(json => json["post_processor"] = JsonNode.Parse("""
            {"type": "TemplateProcessing",
             "single": [{"SpecialToken": {"id": "B"}}, {"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "E"}}], "pair": [],
             "special_tokens": {"B": {"id": "B", "ids": [4094], "tokens": ["B"]}, "E": {"id": "E", "ids": [4095], "tokens": ["E"]}}}
            """));
        int[] bare = tokenizer.Encode("hi", addSpecialTokens: false);
        int[] whole = [4094, .. bare, 4095];
        foreach (string text in (string[])["hi", "<|im_start|>hi", "hi<|im_end|>", "<|im_start|>hi<|im_end|>"])
        {
            Assert.Equal(whole, tokenizer.Encode(text, addSpecialTokens: true));
        }

        Assert.Equal([4094, 4095], tokenizer.Encode("", addSpecialTokens: true));
        Assert.Equal([4094, 4094, .. bare, 4095], tokenizer.Encode("<|im_start|><|im_start|>hi", addSpecialTokens: true));
    }

    [Theory]
    [InlineData("BertProcessing", new int[0])]
    [InlineData("RobertaProcessing", new[] { 4095 })]
    public void Two_texts_are_joined_as_the_processor_joins_them(string type, int[] between)
    {
        Tokenizer tokenizer = TokenizerFolder.LoadChanged(json => json["post_processor"] = JsonNode.Parse(
            $$"""{"type": "{{type}}", "sep": ["<|im_end|>", 4095], "cls": ["<|im_start|>", 4094]}"""));
        Assert.Equal(between, tokenizer.SecondSpecialTokens.Leading.ToArray());
        Assert.Equal([4095], tokenizer.SecondSpecialTokens.Trailing.ToArray());
        Assert.Equal([4094, 4095], tokenizer.Encode("", addSpecialTokens: true));
    }

    [Fact]
    public void The_configuration_names_tokens_and_the_template()
    {
        Tokenizer qwen = TestTokenizers.Load("qwen2.5");
        Assert.Equal(("<|im_end|>", 151645), (qwen.EosToken, qwen.EosTokenId));
        Assert.Equal(("<|endoftext|>", 151643), (qwen.PadToken, qwen.PadTokenId));
        Assert.Null(qwen.BosToken);
        Assert.Null(qwen.BosTokenId);
        Assert.Null(qwen.UnkTokenId);
        Assert.Equal(151665, qwen.VocabularySize);
        Assert.Contains("im_start", qwen.ChatTemplateText, StringComparison.Ordinal);
        Assert.True(qwen.IsSpecial(151645));
        Assert.False(qwen.IsSpecial(151657)); // <tool_call>: added, but not special
        Assert.Equal(151657, qwen.TokenId("<tool_call>"));
        Assert.Equal("<tool_call>", qwen.TokenText(151657));
        Assert.Equal(279, qwen.TokenId("Ġthe"));
        Assert.Equal(" the", qwen.TokenText(279));
        Assert.Null(qwen.TokenId("no such token"));
        Assert.Equal("<0x95>", qwen.TokenText(qwen.TokenId(ByteAlphabet.Spell([0x95]))!.Value));
        Assert.Equal(("<|begin_of_text|>", 128000), (TestTokenizers.Load("llama3").BosToken, TestTokenizers.Load("llama3").BosTokenId));
    }

    [Fact]
    public void Tokens_and_templates_are_read_in_every_spelling()
    {
        using var folder = new TokenizerFolder();
        folder.Write("tokenizer.json", TokenizerFolder.Bytes().ToJsonString()).Write("tokenizer_config.json", """
            {"eos_token": {"content": "<eos>", "lstrip": false}, "bos_token": "missing",
             "chat_template": [{"name": "tool_use", "template": "T"}, {"name": "default", "template": "D"}],
             "added_tokens_decoder": {"256": {"content": "<eos>", "special": true}, "301": {"content": "", "special": false}}}
            """);
        Tokenizer tokenizer = folder.Load();
        Assert.Equal(("<eos>", 256), (tokenizer.EosToken, tokenizer.EosTokenId));
        Assert.Equal(("missing", 257), (tokenizer.BosToken, tokenizer.BosTokenId)); // a named token joins the vocabulary
        Assert.Equal("D", tokenizer.ChatTemplateText);
        Assert.Equal(['a', 256, 'b'], tokenizer.Encode("a<eos>b", addSpecialTokens: false));
        Assert.Equal("a<eos>b", tokenizer.Decode(['a', 256, 'b']));
        Assert.True(tokenizer.IsSpecial(256));
        Assert.Throws<UserInputException>(() => tokenizer.Decode([258]));

        folder.Write("chat_template.jinja", "the file {{ messages }}\n");
        Assert.Equal("the file {{ messages }}\n", folder.Load().ChatTemplateText);
    }

    [Fact]
    public void A_byte_order_mark_and_sections_in_any_order_are_read()
    {
        JsonObject json = TokenizerFolder.Bytes();
        JsonNode model = json["model"]!.DeepClone();
        json.Remove("model");
        var reversed = new JsonObject
        {
            ["model"] = new JsonObject(model.AsObject().Reverse().Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone()))),
        };
        foreach ((string name, JsonNode? value) in json.Reverse())
        {
            reversed[name] = value?.DeepClone();
        }

        using var folder = new TokenizerFolder();
        folder.Write("tokenizer.json", "\uFEFF" + reversed.ToJsonString());
        Assert.Equal(['h', 'i'], folder.Load().Encode("hi", addSpecialTokens: false));
    }

    [Fact]
    public void Unknown_bytes_become_the_unknown_token()
    {
        JsonObject json = TokenizerFolder.Bytes();
        JsonObject model = json["model"]!.AsObject();
        model["vocab"]!.AsObject().Remove("q");
        model["vocab"]!.AsObject().Add("<unk>", 500);
        model["unk_token"] = "<unk>";
        using var folder = new TokenizerFolder();
        folder.Write("tokenizer.json", json.ToJsonString());
        Assert.Equal(['a', 500, 500, 'b'], folder.Load().Encode("aqqb", addSpecialTokens: false));
        model["fuse_unk"] = true;
        folder.Write("tokenizer.json", json.ToJsonString());
        Assert.Equal(['a', 500, 'b'], folder.Load().Encode("aqqb", addSpecialTokens: false));
    }

    private static Tokenizer LoadBytes()
    {
        using var folder = new TokenizerFolder();
        return folder.Write("tokenizer.json", TokenizerFolder.Bytes().ToJsonString()).Load();
    }
}
