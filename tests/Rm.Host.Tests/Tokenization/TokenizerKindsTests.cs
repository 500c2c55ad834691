using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Rm.Formats;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Tokenization;

/// <summary>SentencePiece-like BPE, Unigram, normalizers, pre-tokenizers and split patterns against Hugging Face tokenizers.</summary>
public sealed class TokenizerKindsTests
{
    // Decoding is for reading: bytes that are no character come out as one U+FFFD for what .NET takes as one, not one a byte; an added
    // token comes out as its content, where the library writes its normalized form.
    private const char Replacement = '\uFFFD';

    public static TheoryData<string> Variants => [.. KindVariants.Names];

    public static TheoryData<string, string> ScalarDigests =>
        [.. JsonSerializer.Deserialize<Dictionary<string, string>>(File.ReadAllText(Path.Combine(KindVariants.Folder, "scalars.json")))!
            .Select(entry => (entry.Key, entry.Value))];

    [Theory]
    [MemberData(nameof(Variants))]
    public void A_kind_of_tokenizer_encodes_as_Hugging_Face_does(string name)
    {
        Tokenizer tokenizer = KindVariants.Load(name);
        int rows = 0;
        foreach ((string text, int[]? ids, int[]? special, string? decoded) in KindVariants.Rows(name))
        {
            rows++;
            if (ids is null)
            {
                UserInputException error = Assert.Throws<UserInputException>(() => tokenizer.Encode(text, addSpecialTokens: false));
                Assert.Contains("does not know", error.Message, StringComparison.Ordinal);
                continue;
            }

            GoldenRows.AssertIds(ids, tokenizer, text);
            AssertSpecial(ids, special!, tokenizer.Encode(text, addSpecialTokens: true));
            string found = tokenizer.Decode(ids);
            if (!decoded!.Contains(Replacement, StringComparison.Ordinal) && !name.Contains("_normalized", StringComparison.Ordinal))
            {
                Assert.Equal(decoded, found);
            }
        }

        Assert.InRange(rows, 50, 130);
    }

    [Theory]
    [MemberData(nameof(ScalarDigests))]
    public void Every_Unicode_scalar_is_treated_as_in_Hugging_Face(string step, string expected)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        bool cuts = step is "Punctuation" or "Digits" or "Whitespace" or "WhitespaceSplit";
        using var section = JsonDocument.Parse($$"""{"type": "{{step}}"}""");
        Normalizer normalizer = cuts ? Normalizer.None : NormalizerReader.Read(section.RootElement);
        PreTokenizer cutter = PreTokenizerReader.Read(cuts ? section.RootElement : null);
        var words = new List<string>();
        var sink = new WordList(words);
        for (int scalar = 0; scalar <= 0x10FFFF; scalar++)
        {
            // The library's lower case and digits know Unicode 17, .NET 10 and these digests Unicode 16.
            if (CharUnicodeInfo.GetUnicodeCategory(scalar) is UnicodeCategory.Surrogate or UnicodeCategory.OtherNotAssigned)
            {
                continue;
            }

            string text = char.ConvertFromUtf32(scalar);
            if (cuts)
            {
                words.Clear();
                cutter.Split("a" + text, atStart: true, sink);
                text = string.Join('|', words);
            }
            else
            {
                text = normalizer.Apply(text);
            }

            hash.AppendData(Encoding.UTF8.GetBytes(text + "\n"));
        }

        Assert.Equal(expected, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    [Theory]
    [InlineData("llama2")]
    [InlineData("crossing")]
    [InlineData("crossing_no_bytes")]
    [InlineData("no_bytes")]
    [InlineData("some_bytes_no_fuse")]
    public void Cutting_a_text_before_it_is_merged_changes_nothing(string name)
    {
        // ignore_merges turns the cuts off; the texts are no tokens themselves.
        JsonObject json = KindVariants.Json(name);
        using var folder = new TokenizerFolder();
        Tokenizer cutting = folder.Write("tokenizer.json", json.ToJsonString()).Load();
        json["model"]!["ignore_merges"] = true;
        Tokenizer whole = folder.Write("tokenizer.json", json.ToJsonString()).Load();
        string[] pieces =
        [
            "The", " the", " small", "  ", "\n", "def", "(", "é", "日本", "я", " ", "ing", "e", "👍", "\u0e01", "<0x41>", "▁", "12", ". ",
        ];
        for (int i = 0, seed = FuzzSettings.FirstSeed(300); i < FuzzSettings.Iterations(2000); i++, seed++)
        {
            var random = new Random(seed);
            string text = "QX " + string.Concat(Enumerable.Range(0, random.Next(60)).Select(_ => pieces[random.Next(pieces.Length)]));
            Assert.True(
                whole.Encode(text, addSpecialTokens: false).SequenceEqual(cutting.Encode(text, addSpecialTokens: false)),
                $"seed {seed}: {FuzzSettings.Escape(text)}");
        }
    }

    // btrm adds no end that a text already has (docs/tokenizer.md); the library does.
    private static void AssertSpecial(int[] ids, int[] special, int[] found)
    {
        int added = special.Length - ids.Length;
        int before = Enumerable.Range(0, added + 1).First(n => special.AsSpan(n, ids.Length).SequenceEqual(ids));
        bool hasPrefix = before > 0 && ids.AsSpan().StartsWith(special.AsSpan(0, before));
        bool hasSuffix = added > before && ids.AsSpan().EndsWith(special.AsSpan(before + ids.Length));
        Assert.Equal(special[(hasPrefix ? before : 0)..^(hasSuffix ? added - before : 0)], found);
    }

    private sealed class WordList(List<string> words) : IWordSink
    {
        public void Add(ReadOnlySpan<char> word) => words.Add(word.ToString());

        public void AddSpelled(ReadOnlySpan<char> word) => words.Add(word.ToString());
    }
}
