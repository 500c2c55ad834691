using Rm.Formats.RandomNumbers;
using Rm.Formats.Rendering;

namespace Rm.Formats.Datasets;

/// <summary>Which data set's lengths the pairs of a benchmark have.</summary>
internal enum BenchLengths
{
    /// <summary>HH-RLHF: prompts of 40 to 220 tokens, responses of 10 to 120, both even.</summary>
    Hh,

    /// <summary>
    /// SHP: posts and comments, long-tailed. Prompts have a median of 200 tokens and at most 1024, responses 70 and at most 512, log-normal
    /// with deviations of 0.8 and 0.9: set by hand, not measured.
    /// </summary>
    Shp,
}

/// <summary>Random pairs with the lengths of a data set.</summary>
internal static class BenchPairs
{
    /// <summary>Pairs without end, the same at every call.</summary>
    public static IEnumerable<PreferencePair> Create(int vocabSize, BenchLengths lengths)
    {
        var random = SplitMix64.For(1, 0);
        for (int i = 0; ; i++)
        {
            (int prompt, int chosenTail, int rejectedTail) = Draw(ref random, lengths);
            int[] chosen = new int[prompt + chosenTail], rejected = new int[prompt + rejectedTail];
            for (int t = 0; t < chosen.Length; t++)
            {
                chosen[t] = 3 + random.NextBelow(vocabSize - 3);
            }

            chosen.AsSpan(0, prompt).CopyTo(rejected);
            for (int t = prompt; t < rejected.Length; t++)
            {
                rejected[t] = 3 + random.NextBelow(vocabSize - 3);
            }

            yield return PreferencePair.FromIds(chosen, rejected, i);
        }
    }

    private static (int Prompt, int Chosen, int Rejected) Draw(ref SplitMix64 random, BenchLengths lengths) => lengths switch
    {
        BenchLengths.Shp =>
            (LogNormal(ref random, 200, 0.8, 1024), LogNormal(ref random, 70, 0.9, 512), LogNormal(ref random, 70, 0.9, 512)),
        _ => (40 + random.NextBelow(181), 10 + random.NextBelow(111), 10 + random.NextBelow(111)),
    };

    private static int LogNormal(ref SplitMix64 random, double median, double deviation, int most)
    {
        const int Steps = 1 << 24;
        double u = (1.0 + random.NextBelow(Steps)) / Steps, v = (double)random.NextBelow(Steps) / Steps;
        double normal = Math.Sqrt(-2 * Math.Log(u)) * Math.Cos(2 * Math.PI * v);
        return (int)Math.Clamp(median * Math.Exp(deviation * normal), 4, most);
    }
}
