using System.Text;
using Rm.Formats.Tokenization;

namespace Rm.Host.Tests.Tokenization;

/// <summary>
/// How quick every kind of tokenizer is, one thread, by processor time, so that a busy machine shows less: <c>-explicit only -class
/// "*TokenizerRateTests" -showliveoutput</c>.
/// </summary>
public sealed class TokenizerRateTests(ITestOutputHelper output)
{
    [Fact(Explicit = true)]
    public void Every_kind_encodes_at_least_four_megabytes_a_second()
    {
        string[] texts = [.. GoldenRows.Read(Path.Combine("tokenizer", "qwen2.5.jsonl")).Select(row => row.Text)];
        double megabytes = texts.Sum(Encoding.UTF8.GetByteCount) / 1e6;
        string[] kinds =
        [
            "llama2", "mistral", "gemma", "metaspace_always", "crossing", "t5", "xlmr", "unigram_bare", "unigram_albert",
            "normalizer_NFKC", "normalizer_NFKD", "normalizer_albert", "falcon", "deepseek", "pattern_kimi", "pattern_cl100k",
        ];
        List<(string Name, Tokenizer Tokenizer)> all = [("byte level, qwen2.5", TestTokenizers.Load("qwen2.5"))];
        all.AddRange(kinds.Select(kind => (kind, KindVariants.Load(kind))));
        double[] best = new double[all.Count];
        for (int round = 0; round < 7; round++)
        {
            for (int i = 0; i < all.Count; i++)
            {
                TimeSpan before = Environment.CpuUsage.TotalTime;
                foreach (string text in texts)
                {
                    all[i].Tokenizer.Encode(text, addSpecialTokens: false);
                }

                best[i] = Math.Max(best[i], megabytes / (Environment.CpuUsage.TotalTime - before).TotalSeconds);
            }
        }

        for (int i = 0; i < all.Count; i++)
        {
            output.WriteLine($"{all[i].Name,-22} {best[i],6:F1} MB/s");
        }

        Assert.All(best, rate => Assert.InRange(rate, 4, double.MaxValue));
    }
}
