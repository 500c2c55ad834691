namespace Rm.Formats.RandomNumbers;

/// <summary>
/// A small generator whose numbers are fixed by its definition on every platform and runtime version (Steele, Lea, Flood: Fast
/// splittable pseudorandom number generators, 2014).
/// </summary>
internal struct SplitMix64(ulong state)
{
    private const ulong Gamma = 0x9E3779B97F4A7C15;

    private ulong _state = state;

    /// <summary>A generator for one purpose: its stream depends on both numbers, and neighbouring ones give unrelated streams.</summary>
    public static SplitMix64 For(ulong seed, ulong stream) => new(Mix(Mix(seed + Gamma) ^ (stream * Gamma)));

    /// <summary>The next 64 random bits.</summary>
    public ulong Next() => Mix(_state += Gamma);

    /// <summary>A number from 0 to <paramref name="bound"/> - 1, each equally likely.</summary>
    public int NextBelow(int bound)
    {
        ulong range = (ulong)bound;
        // The lowest numbers would come up once too often: they are thrown again (Lemire, 2019).
        ulong reject = unchecked(0UL - range) % range;
        while (true)
        {
            ulong high = Math.BigMul(Next(), range, out ulong low);
            if (low >= reject)
            {
                return (int)high;
            }
        }
    }

    /// <summary>The generator's finaliser: a bijection in which every bit of the input moves about half of the output's.</summary>
    public static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
