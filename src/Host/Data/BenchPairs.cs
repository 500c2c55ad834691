namespace Rm.Host.Data;

/// <summary>Random pairs with the lengths of HH-RLHF: prompts of 40 to 220 tokens, responses of 10 to 120.</summary>
internal static class BenchPairs
{
    /// <summary><paramref name="count"/> pairs, the same at every call.</summary>
    public static IReadOnlyList<PreferencePair> Create(int vocabSize, int count)
    {
        SplitMix64 random = SplitMix64.For(1, 0);
        var pairs = new PreferencePair[count];
        for (int i = 0; i < count; i++)
        {
            int prompt = 40 + random.NextBelow(181);
            int[] chosen = new int[prompt + 10 + random.NextBelow(111)];
            int[] rejected = new int[prompt + 10 + random.NextBelow(111)];
            for (int t = 0; t < chosen.Length; t++)
            {
                chosen[t] = 3 + random.NextBelow(vocabSize - 3);
            }

            chosen.AsSpan(0, prompt).CopyTo(rejected);
            for (int t = prompt; t < rejected.Length; t++)
            {
                rejected[t] = 3 + random.NextBelow(vocabSize - 3);
            }

            pairs[i] = PreferencePair.FromIds(chosen, rejected, i);
        }

        return pairs;
    }
}
