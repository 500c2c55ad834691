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
            string expected = family == "llama3" ? text : UnicodeForm.Nfc.Normalize(text);
            Assert.Equal(expected, tokenizer.Decode(ids));
            rows++;
        }

        Assert.Equal(552, rows);
    }

    /// <summary>SmolLM2's vocabulary lacks bytes, and its file cuts digits one by one where the class of its name would not.</summary>
    [Fact]
    public void A_vocabulary_that_lacks_bytes_gives_the_ids_of_Hugging_Face()
    {
        Tokenizer tokenizer = TestTokenizers.Load("smollm2");
        int rows = 0, lossless = 0;
        foreach ((string text, int[] ids) in GoldenRows.Read(Path.Combine("tokenizer", "smollm2.jsonl")))
        {
            GoldenRows.AssertIds(ids, tokenizer, text);
            lossless += tokenizer.Decode(ids) == text ? 1 : 0;
            rows++;
        }

        Assert.Equal(797, rows);
        Assert.InRange(lossless, 1, rows - 1); // some of the texts hold the missing bytes
    }

    [Fact]
    public void Many_texts_in_parallel_give_the_same_ids_in_order()
    {
        Tokenizer tokenizer = TestTokenizers.Load("qwen2.5");
        (string Text, int[] Ids)[] rows = [.. GoldenRows.Read(Path.Combine("tokenizer", "qwen2.5.jsonl"))];
        int[][] ids = [
            .. rows.AsParallel().AsOrdered().WithDegreeOfParallelism(4).Select(row => tokenizer.Encode(row.Text, addSpecialTokens: false))];
        Assert.Equal(rows.Select(row => row.Ids), ids);
    }
}
