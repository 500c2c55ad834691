using Rm.Formats;
using Rm.Formats.Datasets;
using Rm.Formats.Rendering;
using Rm.Formats.Rows;
using Rm.Formats.Tokenization;
using Rm.Training.Artifacts;

namespace Rm.Host.Tests.Trl;

/// <summary>Token ids as TRL's reward trainer makes them.</summary>
public sealed class TrlPairTokenizerTests
{
    private static readonly ModelSource Source = ModelSource.Open(TrlRun.Model);

    [Fact]
    public void Strings_end_in_EOS_as_text_once_and_have_no_template()
    {
        PreferencePair pair = One("""{"prompt": "\n\nHuman: hi\n\nAssistant:", "chosen": " yes", "rejected": " no<|im_end|>"}""");
        Assert.Equal(Ids("\n\nHuman: hi\n\nAssistant: yes<|im_end|>"), pair.Chosen);
        Assert.Equal(Ids("\n\nHuman: hi\n\nAssistant: no<|im_end|>"), pair.Rejected);
        Assert.Equal(0, pair.UnreadTokens);
    }

    [Fact]
    public void Where_padding_is_EOS_the_reward_is_read_before_it_and_its_tokens_count()
    {
        PreferencePair pair = One("""{"chosen": "yes", "rejected": "no, no"}""", pad: "<|im_end|>");
        Assert.Equal(Ids("yes"), pair.Chosen);
        Assert.Equal(Ids("no, no"), pair.Rejected);
        Assert.Equal(2, pair.UnreadTokens);
        Assert.Equal(pair.Chosen.Length + pair.Rejected.Length + 2, pair.Tokens);
        Assert.Single(One("""{"chosen": "", "rejected": "no"}""", pad: "<|im_end|>").Chosen);
    }

    [Fact]
    public void Lists_go_through_the_template_and_equal_sides_stay()
    {
        PreferencePair pair = One("""{"chosen": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "rejected": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "margin": 0.5, "weight": 7}""");
        Assert.Equal(pair.Chosen, pair.Rejected);
        Assert.EndsWith("<|im_end|>\n", Source.Tokenizer!.Decode(pair.Chosen), StringComparison.Ordinal);
        Assert.Equal((0.5f, 1f), (pair.Margin, pair.Weight));
    }

    [Fact]
    public void Longer_sides_are_left_out_with_their_EOS_counted()
    {
        const string Row = """{"chosen": "yes", "rejected": "no, no, no"}""";
        int longest = Ids("no, no, no<|im_end|>").Length;
        Assert.Single(Load(Row, longest).Pairs);
        Assert.Empty(Load(Row, longest - 1).Pairs);
    }

    [Fact]
    public void What_would_change_a_rendering_is_not_passed_over() => Assert.Contains(
        "'tools'", Assert.Throws<UserInputException>(() => One("""{"chosen": "a", "rejected": "b", "tools": "[]"}""")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_token_without_a_row_in_the_embedding_is_named_before_the_first_step()
    {
        using var scratch = new ScratchFolder();
        string file = scratch.Write("rows.jsonl", """{"chosen": "fine", "rejected": "so<|im_end|>"}""");
        int id = Source.Tokenizer!.TokenId("<|im_end|>")!.Value;
        foreach (IPairTokenizer tokenizer in new IPairTokenizer[] { Source.PairTokenizer(new TextOptions(VocabSize: id)),
            new TrlPairTokenizer(Source.PairTokenizer(new TextOptions(VocabSize: id)), Source.Tokenizer, "<|im_end|>", null) })
        {
            string message = Assert.Throws<UserInputException>(
                () => PairDataset.Load(RowSource.OpenFile(file), tokenizer, cancellation: TestContext.Current.CancellationToken)).Message;
            Assert.Contains("rows.jsonl, line 1", message, StringComparison.Ordinal);
            Assert.Contains($"token id {id} (\"<|im_end|>\")", message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_data_report_says_where_kinds_of_rows_are_read_at_different_tokens()
    {
        using var scratch = new ScratchFolder();
        const string List = """{"chosen": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "rejected": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "c"}]}""";
        const string Text = """{"chosen": "a b", "rejected": "a c"}""";
        Assert.Contains("whole texts at 4095 \"<|im_end|>\", message lists at", Report($"{List}\n{Text}\n"), StringComparison.Ordinal);
        Assert.DoesNotContain("different kinds", Report($"{List}\n{List}\n"), StringComparison.Ordinal);

        string Report(string rows)
        {
            using var text = new StringWriter();
            DataReportText.Write(DataReport.Of(
                PairDataset.Load(RowSource.OpenFile(scratch.Write("rows.jsonl", rows)), Source.PairTokenizer(new TextOptions()))), text);
            return text.ToString();
        }
    }

    private static int[] Ids(string text) => Source.Tokenizer!.Encode(text, addSpecialTokens: true);

    private static PreferencePair One(string row, string? pad = null) => Assert.Single(Load(row, 0, pad).Pairs);

    private static PairDataset Load(string row, int maxLength, string? pad = null)
    {
        using var scratch = new ScratchFolder();
        PairTokenizer inner = Source.PairTokenizer(new TextOptions(MaxSeqLen: maxLength, Truncation: TruncationMode.Drop));
        Tokenizer tokenizer = Source.Tokenizer!;
        return PairDataset.Load(
            RowSource.OpenFile(scratch.Write("rows.jsonl", row + "\n")),
            new TrlPairTokenizer(inner, tokenizer, tokenizer.EosToken, pad is null ? tokenizer.PadTokenId : tokenizer.TokenId(pad)));
    }
}
