using Rm.Formats.Rendering;
using Rm.Formats.Rows;

namespace Rm.Host.Tests.Data;

public sealed class TruncationTests
{
    // "<|start|>u:p<|end|>\n<|start|>a:" is 9 tokens, "<|end|>\n" is 2.
    private const string Head = "<|start|>u:p<|end|>\n<|start|>a:";
    private const string Tail = "<|end|>\n";
    private const string Long = """{"prompt":"p","chosen":"abcdef","rejected":"xyz"}""";

    private static readonly FakeEncoder Encoder = new();

    [Theory]
    [InlineData(17, "abcdef", "xyz")]
    [InlineData(16, "abcde", "xyz")]
    [InlineData(13, "ab", "xy")]
    [InlineData(12, "a", "x")]
    public void ResponseLosesItsEndAndKeepsTheClosingTokens(int maxLength, string chosen, string rejected)
    {
        TokenizedRow row = Tokenize(Long, maxLength);

        Assert.Equal(Head + chosen + Tail, Encoder.Decode(row.Pair!.Chosen));
        Assert.Equal(Head + rejected + Tail, Encoder.Decode(row.Pair.Rejected));
        Assert.Equal((chosen.Length < 6, rejected.Length < 3), (row.ChosenTruncated, row.RejectedTruncated));
        Assert.Equal(9, row.PromptTokens);
    }

    [Fact]
    public void APromptThatLeavesNoRoomForOneResponseTokenDropsThePair()
    {
        Assert.Equal(DropReason.PromptTooLong, Tokenize(Long, 11).Dropped);
        Assert.Equal(DropReason.PromptTooLong, Tokenize(Long, 1).Dropped);
    }

    [Fact]
    public void SidesThatBecomeEqualDropThePair()
    {
        const string Json = """{"prompt":"p","chosen":"same c","rejected":"same r"}""";

        Assert.NotNull(Tokenize(Json, 17).Pair);
        Assert.Equal(DropReason.EqualAfterTruncation, Tokenize(Json, 16).Dropped);
    }

    [Fact]
    public void DropDropsThePairWhenEitherSideIsLonger()
    {
        Assert.NotNull(Tokenize(Long, 17, TruncationMode.Drop).Pair);
        Assert.Equal(DropReason.TooLong, Tokenize(Long, 16, TruncationMode.Drop).Dropped);
    }

    [Theory]
    [InlineData(17, 0)]
    [InlineData(15, 2)]
    [InlineData(8, 9)]
    public void PromptLeftTakesTheSameTokensFromBothSides(int maxLength, int taken)
    {
        PreferencePair pair = Tokenize(Long, maxLength, TruncationMode.PromptLeft).Pair!;

        Assert.Equal(Encoder.Encode(Head + "abcdef" + Tail, false)[taken..], pair.Chosen);
        Assert.Equal(Encoder.Encode(Head + "xyz" + Tail, false)[taken..], pair.Rejected);
    }

    [Fact]
    public void PromptLeftDropsAResponseThatIsTooLongByItself() =>
        Assert.Equal(DropReason.ResponseTooLong, Tokenize(Long, 7, TruncationMode.PromptLeft).Dropped);

    [Fact]
    public void PromptLeftKeepsABosToken()
    {
        var encoder = new FakeEncoder { AddsBos = true };
        var tokenizer = new PairTokenizer(encoder, null, new TextOptions(false, null, 5, TruncationMode.PromptLeft));

        PreferencePair pair = tokenizer.Tokenize(Rows.Pair("""{"prompt":"prompt","chosen":"c","rejected":"r"}"""), 0).Pair!;

        Assert.Equal("<|bos|>ptc<|end|>", encoder.Decode(pair.Chosen));
    }

    [Theory]
    [InlineData("abc", "ab")]
    [InlineData("end end", "end en")]
    [InlineData("<|end|>\n\n", "<|end|>\n")]
    [InlineData("n\n", "n")]
    public void TheClosingTokensAreFoundWhateverTheResponseHolds(string response, string kept)
    {
        string json = $$"""{"prompt":"p","chosen":"{{response.Replace("\n", "\\n", StringComparison.Ordinal)}}","rejected":"z"}""";
        int length = Encoder.Encode(Head + response + Tail, false).Length;

        Assert.Equal(Head + kept + Tail, Encoder.Decode(Tokenize(json, length - 1).Pair!.Chosen));
    }

    [Fact]
    public void TheClosingTokensAreFoundWhenTheTemplateChangesTheContent()
    {
        var trims = new FakeTemplate { Content = content => content.Trim() };
        PreferencePair pair = Tokenize("""{"prompt":"p","chosen":"  abcdef  ","rejected":"z"}""", 14, template: trims).Pair!;
        Assert.Equal(Head + "abc" + Tail, Encoder.Decode(pair.Chosen));

        // As Qwen3 does with reasoning: an empty block is written unless the content brings its own.
        var thinks = new FakeTemplate { Content = content => content.StartsWith('[') ? content : "[]" + content };
        pair = Tokenize("""{"prompt":"p","chosen":"[x]abc","rejected":"z"}""", 18, template: thinks).Pair!;
        Assert.Equal("<|start|>u:[]p<|end|>\n<|start|>a:[x]ab" + Tail, Encoder.Decode(pair.Chosen));

        // Nothing of the content survives: the whole text counts as response, without closing tokens.
        var upper = new FakeTemplate { Content = content => content.ToUpperInvariant() };
        pair = Tokenize("""{"prompt":"p","chosen":"abc","rejected":"z"}""", 13, template: upper).Pair!;
        Assert.Equal("<|start|>u:P<|end|>\n<|start|>a:ABC<|end|>", Encoder.Decode(pair.Chosen));
    }

    [Fact]
    public void TheClosingTextStaysWhenTheTokenizerMergesItWithTheResponse()
    {
        var encoder = new FakeEncoder("f#");
        var template = new FakeTemplate { Closing = "#\n" };
        var tokenizer = new PairTokenizer(encoder, template, new TextOptions(MaxSeqLen: 13));

        PreferencePair pair = tokenizer.Tokenize(Rows.Pair(Long), 0).Pair!;

        Assert.Equal("<|start|>u:p#\n<|start|>a:ab#\n", encoder.Decode(pair.Chosen));
    }

    [Fact]
    public void AnEmptyResponseCannotLoseAToken()
    {
        const string Json = """{"prompt":"ppp","chosen":"","rejected":"xyz"}""";

        Assert.NotNull(Tokenize(Json, 14).Pair);
        Assert.Equal(DropReason.PromptTooLong, Tokenize(Json, 12).Dropped);
    }

    [Fact]
    public void PlainTextsKeepTheirEos()
    {
        var tokenizer = new PairTokenizer(Encoder, null, new TextOptions(UseChatTemplate: false, MaxSeqLen: 4));

        PreferencePair pair = tokenizer.Tokenize(Rows.Pair("""{"prompt":"p","chosen":"abcdef","rejected":"xyz<|end|>\n"}"""), 0).Pair!;

        Assert.Equal("pab<|end|>", Encoder.Decode(pair.Chosen));
        Assert.Equal("px<|end|>\n", Encoder.Decode(pair.Rejected));
    }

    [Fact]
    public void TokenIdsAreCutBeforeAFinalEos()
    {
        string json = $$"""{"chosen_ids":[1,2,3,4,{{FakeEncoder.End}}],"rejected_ids":[1,9,8,7,6]}""";
        PreferencePair pair = Tokenize(json, 4).Pair!;

        Assert.Equal([1, 2, 3, FakeEncoder.End], pair.Chosen);
        Assert.Equal([1, 9, 8, 7], pair.Rejected);
    }

    [Fact]
    public void SingleTextsAreTruncatedTheSameWay()
    {
        var tokenizer = new PairTokenizer(Encoder, new FakeTemplate(), new TextOptions(MaxSeqLen: 13));
        ScoreRow row = ScoreRowParser.Parse(Rows.Row("""{"messages":[{"role":"user","content":"p"},{"role":"assistant","content":"abcdef"}]}"""));
        ScoreRow longPrompt = ScoreRowParser.Parse(Rows.Row("""{"messages":[{"role":"user","content":"pppppp"},{"role":"assistant","content":"a"}]}"""));

        TokenizedText text = tokenizer.Tokenize(row.Single!, row.Source);

        Assert.True(text.Truncated);
        Assert.Equal(Head + "ab" + Tail, Encoder.Decode(text.Ids!));
        Assert.Equal(DropReason.PromptTooLong, tokenizer.Tokenize(longPrompt.Single!, longPrompt.Source).Dropped);
    }

    [Fact]
    public void NothingIsEverLongerThanTheMaximumAndRandomTextsKeepHeadAndTail()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            string json = $$"""{"prompt":"{{Word(random)}}","chosen":"{{Word(random)}}","rejected":"{{Word(random)}}"}""";
            int maxLength = random.Next(1, 40);
            foreach (TruncationMode mode in Enum.GetValues<TruncationMode>())
            {
                if (Tokenize(json, maxLength, mode).Pair is { } pair)
                {
                    Assert.True(pair.Chosen.Length <= maxLength && pair.Rejected.Length <= maxLength, $"seed {seed}");
                    Assert.EndsWith(Tail, Encoder.Decode(pair.Chosen), StringComparison.Ordinal);
                    Assert.True(pair.PrefixLength < Math.Min(pair.Chosen.Length, pair.Rejected.Length), $"seed {seed}");
                    Assert.Equal(pair.Chosen[..pair.PrefixLength], pair.Rejected[..pair.PrefixLength]);
                }
            }
        }

        static string Word(Random random) => new([.. Enumerable.Range(0, random.Next(0, 20)).Select(_ => "ab :<n"[random.Next(6)])]);
    }

    private static TokenizedRow Tokenize(
        string json, int maxLength, TruncationMode mode = TruncationMode.Response, FakeTemplate? template = null) =>
        new PairTokenizer(Encoder, template ?? new FakeTemplate(), new TextOptions(MaxSeqLen: maxLength, Truncation: mode))
            .Tokenize(Rows.Pair(json), 0);
}
