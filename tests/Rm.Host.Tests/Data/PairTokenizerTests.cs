using Rm.Formats.Rendering;
using Rm.Formats.Rows;

namespace Rm.Host.Tests.Data;

public sealed class PairTokenizerTests
{
    private const string Simple = """{"prompt":"p","chosen":"c","rejected":"r"}""";
    private const string Transcript = """{"chosen":"\n\nHuman: a\n\nAssistant: b","rejected":"\n\nHuman: a\n\nAssistant: x"}""";

    private static readonly FakeEncoder Encoder = new();
    private static readonly TextOptions Plain = new(UseChatTemplate: false);

    [Fact]
    public void ATemplateIsEncodedWithoutAddingSpecialTokens()
    {
        var encoder = new FakeEncoder { AddsBos = true };
        PreferencePair pair = Tokenize(Simple, new TextOptions(), encoder).Pair!;

        Assert.Equal("<|start|>u:p<|end|>\n<|start|>a:c<|end|>\n", encoder.Decode(pair.Chosen));
        Assert.Equal("<|start|>u:p<|end|>\n<|start|>a:r<|end|>\n", encoder.Decode(pair.Rejected));
        Assert.Equal(9, pair.PrefixLength);
        Assert.Equal(("rows.jsonl", 7L, 3L), (pair.SourceFile, pair.SourceLine, pair.RowIndex));
    }

    [Theory]
    [InlineData(Simple, "<|bos|>pc<|end|>")]
    [InlineData("""{"prompt":"p","chosen":"c<|end|>","rejected":"r"}""", "<|bos|>pc<|end|>")]
    [InlineData("""{"prompt":"p","chosen":"c<|end|>\n","rejected":"r"}""", "<|bos|>pc<|end|>\n")]
    [InlineData("""{"prompt":"<|bos|>p","chosen":"c","rejected":"r"}""", "<|bos|>pc<|end|>")]
    [InlineData(Transcript, "<|bos|>\n\nHuman: a\n\nAssistant: b<|end|>")]
    [InlineData("""{"chosen":[{"role":"user","content":"p"},{"role":"assistant","content":"c"}],"rejected":[{"role":"user","content":"p"}]}""", "<|bos|>p\n\nc<|end|>")]
    [InlineData("""{"history":"h","human_ref_A":"a","human_ref_B":"b","labels":1}""", "<|bos|>h\n\na<|end|>")]
    public void WithoutTemplateTextsAreConcatenatedAndEndInOneEos(string json, string expected)
    {
        var encoder = new FakeEncoder { AddsBos = true };

        Assert.Equal(expected, encoder.Decode(Tokenize(json, Plain, encoder).Pair!.Chosen));
    }

    [Fact]
    public void ATokenizerWithoutEosAddsNone()
    {
        var encoder = new FakeEncoder { EosTokenId = null };

        Assert.Equal("pc", encoder.Decode(Tokenize(Simple, Plain, encoder).Pair!.Chosen));
    }

    [Theory]
    [InlineData(Simple, true, "<|start|>s:S<|end|>\n<|start|>u:p<|end|>\n<|start|>a:c<|end|>\n")]
    [InlineData("""{"prompt":[{"role":"system","content":"own"}],"chosen":"c","rejected":"r"}""", true, "<|start|>s:own<|end|>\n<|start|>a:c<|end|>\n")]
    [InlineData(Transcript, true, "<|start|>s:S<|end|>\n<|start|>u:a<|end|>\n<|start|>a:b<|end|>\n")]
    [InlineData("""{"chosen":"whole c","rejected":"whole r"}""", true, "whole c<|end|>")]
    [InlineData(Simple, false, "S\n\npc<|end|>")]
    [InlineData(Transcript, false, "S\n\nHuman: a\n\nAssistant: b<|end|>")]
    [InlineData("""{"prompt":[{"role":"system","content":"own"}],"chosen":"c","rejected":"r"}""", false, "own\n\nc<|end|>")]
    public void ASystemPromptIsAddedUnlessTheRowHasOne(string json, bool template, string expected)
    {
        var options = new TextOptions(template, SystemPrompt: "S");

        Assert.Equal(expected, Encoder.Decode(Tokenize(json, options).Pair!.Chosen));
    }

    [Fact]
    public void TheIdsOfATextThatFitsAreThoseOfTheWholeTextEvenWhenTokensMergeAcrossTheParts()
    {
        // Merges that span prompt and response, and response and closing text.
        var encoder = new FakeEncoder(":c", "c<|e", "r<", "p<|end|>");
        var template = new FakeTemplate { Closing = "<|e>" };
        PreferencePair pair = new PairTokenizer(encoder, template, new TextOptions(MaxSeqLen: 100)).Tokenize(Rows.Pair(Simple), 0).Pair!;

        Assert.Equal(encoder.Encode("<|start|>u:p<|e><|start|>a:c<|e>", false), pair.Chosen);
        Assert.Equal(encoder.Encode("<|start|>u:p<|e><|start|>a:r<|e>", false), pair.Rejected);
    }

    [Fact]
    public void MissingPartsAndRefusalsNameTheRow()
    {
        Assert.Contains("--no-chat-template", Error(Simple, null, Encoder), StringComparison.Ordinal);
        Assert.Contains("tokenizer.json", Error(Simple, new FakeTemplate(), null), StringComparison.Ordinal);
        Assert.Contains("tools are not known", Error(
            """{"prompt":[{"role":"tool","content":"x"}],"chosen":"c","rejected":"r"}""", new FakeTemplate(), Encoder), StringComparison.Ordinal);
        Assert.Contains("token id 9", Error("""{"chosen_ids":[1,9],"rejected_ids":[1]}""", null, null), StringComparison.Ordinal);

        static string Error(string json, FakeTemplate? template, FakeEncoder? encoder)
        {
            var tokenizer = new PairTokenizer(encoder, template, new TextOptions(VocabSize: 9));
            string message = Rows.Error(() => tokenizer.Tokenize(Rows.Pair(json), 0));
            Assert.StartsWith("rows.jsonl, line 7", message, StringComparison.Ordinal);
            return message;
        }
    }

    [Fact]
    public void TokenIdsNeedNoTokenizer()
    {
        PreferencePair pair = new PairTokenizer(null, null, new TextOptions(VocabSize: 10))
            .Tokenize(Rows.Pair("""{"chosen_ids":[1,2,3],"rejected_ids":[1,2]}"""), 0).Pair!;

        Assert.Equal([1, 2, 3], pair.Chosen);
        Assert.Equal(1, pair.PrefixLength);
    }

    [Theory]
    [InlineData("""{"prompt":"p","chosen":"c","rejected":"c"}""", DropReason.IdenticalSides)]
    [InlineData("""{"chosen_ids":[1],"rejected_ids":[1]}""", DropReason.IdenticalSides)]
    public void IdenticalSidesAreDropped(string json, DropReason reason)
    {
        TokenizedRow row = Tokenize(json, new TextOptions());

        Assert.Null(row.Pair);
        Assert.Equal(reason, row.Dropped);
    }

    [Fact]
    public void ATextWithoutTokensIsDropped()
    {
        var encoder = new FakeEncoder { EosTokenId = null };

        Assert.Equal(DropReason.NoTokens, Tokenize("""{"chosen":"","rejected":"r"}""", Plain, encoder).Dropped);
    }

    [Fact]
    public void ThePromptHashFollowsTheTurnsAndNotTheirForm()
    {
        UInt128 one = Hash(Simple);

        Assert.Equal(one, Hash("""{"prompt":"p","chosen":"other","rejected":"r"}"""));
        Assert.Equal(one, Hash("""{"chosen":"\n\nHuman: p\n\nAssistant: b","rejected":"\n\nHuman: p\n\nAssistant: x"}"""));
        Assert.Equal(one, Hash("""{"chosen":[{"role":"user","content":"p"},{"role":"assistant","content":"c"}],"rejected":[{"role":"user","content":"p"},{"role":"assistant","content":"r"}]}"""));
        Assert.NotEqual(one, Hash("""{"prompt":"q","chosen":"c","rejected":"r"}"""));
        Assert.NotEqual(Hash("""{"chosen_ids":[1,2,3],"rejected_ids":[1,2,4]}"""), Hash("""{"chosen_ids":[1,3,3],"rejected_ids":[1,3,4]}"""));

        static UInt128 Hash(string json) => Tokenize(json, new TextOptions()).Pair!.PromptHash;
    }

    [Fact]
    public void SingleTextsAreTokenisedAsTheSideOfAPairWouldBe()
    {
        var tokenizer = new PairTokenizer(Encoder, new FakeTemplate(), new TextOptions());
        PairRow pair = Rows.Pair(Simple);
        ScoreRow single = ScoreRowParser.Parse(Rows.Row("""{"messages":[{"role":"user","content":"p"},{"role":"assistant","content":"c"}]}"""));

        Assert.Equal(tokenizer.Tokenize(pair, 0).Pair!.Chosen, tokenizer.Tokenize(single.Single!, single.Source).Ids!);
        Assert.Equal("<|start|>u:p<|end|>\n<|start|>a:c<|end|>\n", tokenizer.Render(single.Single!, single.Source));
    }

    private static TokenizedRow Tokenize(string json, TextOptions options, FakeEncoder? encoder = null) =>
        new PairTokenizer(encoder ?? Encoder, new FakeTemplate(), options).Tokenize(Rows.Pair(json), 3);
}
