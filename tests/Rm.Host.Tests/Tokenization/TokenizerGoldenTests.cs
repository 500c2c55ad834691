using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Tokenization;

/// <summary>Every golden row of Hugging Face tokenizers, ids exact.</summary>
public sealed class TokenizerGoldenTests
{
    [Theory]
    [InlineData("qwen2.5")]
    [InlineData("llama3")]
    [InlineData("qwen3")]
    public void Ids_are_those_of_Hugging_Face(string family)
    {
        Tokenizer tokenizer = TestTokenizers.Load(family);
        int rows = 0;
        foreach ((string text, int[] ids) in GoldenRows.Read(Path.Combine("tokenizer", $"{family}.jsonl")))
        {
            GoldenRows.AssertIds(ids, tokenizer, text);
            // NFC is the only thing that encoding may change.
            string expected = family == "llama3" ? text : Nfc.Normalize(text);
            Assert.Equal(expected, tokenizer.Decode(ids));
            rows++;
        }
        Assert.Equal(552, rows);
    }

    [Fact]
    public void Many_texts_in_parallel_give_the_same_ids_in_order()
    {
        Tokenizer tokenizer = TestTokenizers.Load("qwen2.5");
        (string Text, int[] Ids)[] rows = [.. GoldenRows.Read(Path.Combine("tokenizer", "qwen2.5.jsonl"))];
        int[][] ids = tokenizer.EncodeMany(
            [.. rows.Select(row => row.Text)], addSpecialTokens: false, maxThreads: 4, TestContext.Current.CancellationToken);
        Assert.Equal(rows.Select(row => row.Ids), ids);
    }
}
