using System.Diagnostics;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Microsoft.ML.Tokenizers;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Tokenization;

/// <summary>
/// Our merges against those of Microsoft.ML.Tokenizers, an implementation of its own: the same ids behind our normalizer and pre-tokenizer.
/// docs/adr/0008-tokenizer-core.md says why it is an oracle here and not the core.
/// </summary>
public sealed class IndependentMergeTests(ITestOutputHelper output)
{
    private const string Letters = "etaoinshrdlucmfw";

    [Theory]
    [InlineData("qwen2.5")]
    [InlineData("quickstart")]
    public void Merges_are_those_of_an_independent_implementation(string family)
    {
        (TokenizerFile file, BpeTokenizer other) = Load(family);
        var words = new HashSet<string>();
        var sink = new WordSet(words);
        foreach ((string text, _) in GoldenRows.Read(Path.Combine("tokenizer", "qwen2.5.jsonl")))
        {
            bool atStart = true;
            file.PreTokenizer.Split(file.Normalizer.Apply(text, ref atStart), atStart: true, sink);
        }

        var random = new Random(31);
        for (int i = 0; i < 300; i++)
        {
            words.Add(Word(random, random.Next(1, 400)));
        }

        var scratch = new WordScratch();
        var ids = new List<int>();
        foreach (string word in words)
        {
            ids.Clear();
            file.Model.Append(Encoding.UTF8.GetBytes(word), scratch, ids);
            Assert.Equal(other.EncodeToIds(word, considerPreTokenization: false, considerNormalization: false), ids);
        }

        Assert.InRange(words.Count, 3000, 10000);
    }

    [Fact(Explicit = true)]
    public void Rates_by_the_length_of_a_word()
    {
        (TokenizerFile file, BpeTokenizer other) = Load("qwen2.5");
        var scratch = new WordScratch();
        var ids = new List<int>();
        var random = new Random(3);
        foreach (int length in (int[])[8, 16, 32, 64, 256, 1024, 4096, 16384])
        {
            double ours = double.MaxValue, theirs = double.MaxValue;
            int count = Math.Max(1, Math.Min(20000, 200000 / length));
            for (int round = 0; round < 5; round++)
            {
                // New words in every round: neither side's cache knows them.
                string[] words = [.. Enumerable.Range(0, count).Select(_ => Word(random, length))];
                byte[][] bytes = [.. words.Select(Encoding.UTF8.GetBytes)];
                var clock = Stopwatch.StartNew();
                foreach (byte[] word in bytes)
                {
                    ids.Clear();
                    file.Model.Append(word, scratch, ids);
                }

                ours = Math.Min(ours, clock.Elapsed.TotalMicroseconds / count);
                clock.Restart();
                foreach (string word in words)
                {
                    other.EncodeToIds(word, considerPreTokenization: false, considerNormalization: false);
                }

                theirs = Math.Min(theirs, clock.Elapsed.TotalMicroseconds / count);
            }

            output.WriteLine($"{length,6} letters: {ours,10:F2} us a word, Microsoft.ML.Tokenizers {theirs,10:F2} us");
        }
    }

    private static string Word(Random random, int length) =>
        string.Concat(Enumerable.Range(0, length).Select(_ => Letters[random.Next(Letters.Length)]));

    private static (TokenizerFile File, BpeTokenizer Other) Load(string family)
    {
        string path = Path.Combine(TestTokenizers.Folder(family), "tokenizer.json");
        using Stream stream = File.Exists(path)
            ? File.OpenRead(path)
            : new GZipStream(File.OpenRead(path + ".gz"), CompressionMode.Decompress);
        using var buffer = new MemoryStream();
        stream.CopyTo(buffer);
        using var json = JsonDocument.Parse(buffer.ToArray());
        JsonElement model = json.RootElement.GetProperty("model");
        IEnumerable<KeyValuePair<string, int>> vocabulary = model.GetProperty("vocab").EnumerateObject()
            .Select(token => KeyValuePair.Create(token.Name, token.Value.GetInt32()));
        var other = BpeTokenizer.Create(new BpeOptions(vocabulary)
        {
            ByteLevel = true,
            PreTokenizer = null,
            Merges = [.. model.GetProperty("merges").EnumerateArray().Select(pair =>
                pair.ValueKind == JsonValueKind.String ? pair.GetString()! : $"{pair[0].GetString()} {pair[1].GetString()}")],
        });
        return (TokenizerFile.Parse(buffer.ToArray()), other);
    }

    private sealed class WordSet(HashSet<string> words) : IWordSink
    {
        public void Add(ReadOnlySpan<char> word) => words.Add(word.ToString());

        public void AddSpelled(ReadOnlySpan<char> word) => throw new NotSupportedException();
    }
}
