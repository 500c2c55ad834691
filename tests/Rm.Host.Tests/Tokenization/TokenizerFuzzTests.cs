using System.Text;
using Rm.Formats;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Tokenization;

/// <summary>Damaged files and random text: nothing but <see cref="UserInputException"/> may come out, and what loads must encode.</summary>
public sealed class TokenizerFuzzTests
{
    private static readonly string[] fragments =
    [
        "null", "true", "-1", "4194303", "1e999", "\"\"", "\"\\ud800\"", "[]", "{}", "\"Sequence\"", "\"ByteLevel\"", "\"Split\"",
        "\"NFC\"",
        "(", ")", "[", "]", "{", "}", "\"", ",", ":", "\\", "|", "+", "*", "?", "\\p{L}", "(?=", "\\", "\0", "é", "\uFFFD", "99999999999",
        "\"Contiguous\"", "\"Removed\"", "\"rstrip\":true,", "\"lstrip\":true,",
        "\"Metaspace\"", "\"Unigram\"", "\"NFKD\"", "\"Lowercase\"",
        "\"StripAccents\"", "\"first\"", "\"never\"", "\"▁\"", "\"Punctuation\"",
        "\"WhitespaceSplit\"", "[\"a\",-1e300],", "\"byte_fallback\":true,",
    ];

    [Theory]
    [InlineData("quickstart")]
    [InlineData("llama")]
    [InlineData("unigram")]
    public void Damaged_tokenizer_files_load_or_are_refused(string name)
    {
        byte[] original = File.ReadAllBytes(name == "quickstart"
            ? Path.Combine(TestTokenizers.QuickstartFolder, "tokenizer.json")
            : Path.Combine(KindVariants.Folder, $"{name}.json"));
        // Most of the file is vocabulary; its head and tail hold the structure, which damage should hit often.
        int modelStart = original.AsSpan().IndexOf("\"vocab\""u8);
        using var folder = new TokenizerFolder();
        for (int i = 0, seed = FuzzSettings.FirstSeed(1000); i < FuzzSettings.Iterations(250); i++, seed++)
        {
            var random = new Random(seed);
            List<byte> damaged = [.. original];
            for (int n = random.Next(1, 4); n > 0; n--)
            {
                Damage(damaged, random, random.Next(4) > 0 ? modelStart : damaged.Count);
            }

            try
            {
                Tokenizer tokenizer = folder.Write("tokenizer.json", [.. damaged]).Load();
                string text = "It's <|im_start|> 12 naïve 👍\n\n e\u0301 " + new string('a', 40);
                tokenizer.Decode(tokenizer.Encode(text, addSpecialTokens: true));
            }
            catch (UserInputException)
            {
                // The one exception that bad input may cause.
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}: {e}");
            }
        }
    }

    [Fact]
    public void Random_text_survives_every_tokenizer()
    {
        Tokenizer llama = TestTokenizers.Load("llama3"), qwen = TestTokenizers.Load("qwen2.5");
        for (int i = 0, seed = FuzzSettings.FirstSeed(9000); i < FuzzSettings.Iterations(3000); i++, seed++)
        {
            var random = new Random(seed);
            var text = new StringBuilder();
            for (int n = random.Next(0, 60); n > 0; n--)
            {
                int top = random.Next(5) switch { 0 => 0x80, 1 => 0x600, 2 => 0x3000, _ => 0x10000 };
                text.Append((char)random.Next(top)); // surrogates too, paired or not
            }

            string repaired = Scalars.ReplaceLoneSurrogates(text.ToString());
            string decoded = llama.Decode(llama.Encode(text.ToString(), addSpecialTokens: false));
            Assert.True(decoded == repaired, $"seed {seed}: {FuzzSettings.Escape(text.ToString())}");
            decoded = qwen.Decode(qwen.Encode(text.ToString(), addSpecialTokens: false));
            Assert.True(decoded == UnicodeForm.Nfc.Normalize(repaired), $"seed {seed}: {FuzzSettings.Escape(text.ToString())}");
        }
    }

    [Fact]
    public void A_damaged_charsmap_is_refused_or_used_within_its_bounds()
    {
        byte[] original = Convert.FromBase64String(KindVariants.Json("t5")["normalizer"]!["precompiled_charsmap"]!.GetValue<string>());
        for (int i = 0, seed = FuzzSettings.FirstSeed(500); i < FuzzSettings.Iterations(2000); i++, seed++)
        {
            var random = new Random(seed);
            byte[] damaged = original[..(random.Next(4) > 0 ? original.Length : random.Next(original.Length))];
            for (int n = random.Next(1, 30); n > 0 && damaged.Length > 0; n--)
            {
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            }

            try
            {
                bool atStart = true;
                new PrecompiledStep(new CharsMap(damaged)).Apply("ﬁ é e\u0301 Ａ①ß\r\n\u00AD か\u3099 x", ref atStart, limit: 100_000);
            }
            catch (Exception e) when (e is InvalidDataException or UserInputException)
            {
                // What a bad file may cause; the reader names the file.
            }
        }
    }

    [Fact]
    public void Random_split_patterns_are_refused_or_run_within_their_budget()
    {
        string[] parts =
        [
            "a", "b", ".", "\\s", "\\w", "\\p{L}", "\\p{Han}", "[a-c&&[^b]]", "[^a]", "(", ")", "(?:", "(?>", "(?=", "(?!", "(?<=", "(?<!",
            "(?i)", "(?i:", "|", "*", "+", "?", "++", "*?", "{2}", "{1,3}", "{,2}+", "{900}", "^", "$", "\\b", "\\B", "\\A", "\\z", "[",
            "]", "&&", "-", "\\",
        ];
        string text = string.Concat(Enumerable.Repeat("aab b\nac 漢 aaaa", 20));
        int compiled = 0;
        for (int i = 0, seed = FuzzSettings.FirstSeed(700); i < FuzzSettings.Iterations(5000); i++, seed++)
        {
            var random = new Random(seed);
            string pattern = string.Concat(Enumerable.Range(0, random.Next(1, 9)).Select(_ => parts[random.Next(parts.Length)]));
            try
            {
                var regex = SplitRegex.Parse(pattern);
                compiled++;
                long budget = WordScanner.BudgetFor(text.Length);
                for (int at = 0; regex.TryNext(text, at, ref budget, out int start, out int end); at = end)
                {
                    Assert.True(start >= at && end > start && end <= text.Length, $"seed {seed}: {pattern}");
                }
            }
            catch (Exception e) when (e is InvalidDataException or UserInputException)
            {
                // Refused by name, or out of budget.
            }
        }

        Assert.True(compiled > 0);
    }

    [Fact]
    public void Replacements_that_multiply_a_text_end_in_an_error()
    {
        Tokenizer tokenizer = TokenizerFolder.LoadChanged(json =>
        {
            var steps = new System.Text.Json.Nodes.JsonArray();
            for (int i = 0; i < 40; i++)
            {
                steps.Add(System.Text.Json.Nodes.JsonNode.Parse("""{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}"""));
            }

            json["normalizer"] = new System.Text.Json.Nodes.JsonObject { ["type"] = "Sequence", ["normalizers"] = steps };
        });
        UserInputException error = Assert.Throws<UserInputException>(() => tokenizer.Encode("a", addSpecialTokens: false));
        Assert.Contains("normalizer", error.Message, StringComparison.Ordinal);
    }

    private static void Damage(List<byte> bytes, Random random, int below)
    {
        int at = random.Next(Math.Min(below, bytes.Count));
        switch (random.Next(5))
        {
            case 0:
                bytes[at] = (byte)random.Next(256);
                break;
            case 1:
                bytes.RemoveRange(at, Math.Min(random.Next(1, 40), bytes.Count - at - 1));
                break;
            case 2:
                bytes.InsertRange(at, Encoding.UTF8.GetBytes(fragments[random.Next(fragments.Length)]));
                break;
            case 3: // replace a value: what stands between a colon and the next comma
                int colon = bytes.IndexOf((byte)':', at), comma = colon < 0 ? -1 : bytes.IndexOf((byte)',', colon);
                if (comma > colon)
                {
                    bytes.RemoveRange(colon + 1, comma - colon - 1);
                    bytes.InsertRange(colon + 1, Encoding.UTF8.GetBytes(fragments[random.Next(fragments.Length)]));
                }

                break;
            default:
                bytes.InsertRange(at, bytes.GetRange(random.Next(bytes.Count - 64), random.Next(1, 64)));
                break;
        }
    }
}
