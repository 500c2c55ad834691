using System.Text;
using Rm.Formats;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Tokenization;

/// <summary>Damaged files and random text: nothing but <see cref="UserInputException"/> may come out, and what loads must encode.</summary>
public sealed class TokenizerFuzzTests
{
    private static readonly string[] fragments =
    [
        "null", "true", "-1", "4194303", "1e999", "\"\"", "\"\\ud800\"", "[]", "{}", "\"Sequence\"", "\"ByteLevel\"", "\"Split\"", "\"NFC\"",
        "(", ")", "[", "]", "{", "}", "\"", ",", ":", "\\", "|", "+", "*", "?", "\\p{L}", "(?=", "\\", "\0", "é", "\uFFFD", "99999999999",
        "\"Contiguous\"", "\"Removed\"", "\"rstrip\":true,", "\"lstrip\":true,",
    ];

    [Fact]
    public void Damaged_tokenizer_files_load_or_are_refused()
    {
        byte[] original = File.ReadAllBytes(Path.Combine(TestTokenizers.QuickstartFolder, "tokenizer.json"));
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
