using System.Text;
using Rm.Formats.RandomNumbers;

namespace Rm.Training.Model;

/// <summary>
/// Random numbers by index: number i of a stream is a hash of (seed, stream name, i), so nothing depends on what was drawn before.
/// </summary>
internal readonly struct CounterRandom
{
    private readonly ulong _key;

    public CounterRandom(ulong seed, string stream) => _key = KeyOf(seed, stream);

    /// <summary>A number for (seed, stream name), for generators elsewhere.</summary>
    public static ulong KeyOf(ulong seed, string stream)
    {
        // FNV-1a over the name keeps streams apart; the mixer below does the rest.
        ulong hash = 0xCBF29CE484222325UL;
        foreach (byte b in Encoding.UTF8.GetBytes(stream))
        {
            hash = (hash ^ b) * 0x100000001B3UL;
        }

        return SplitMix64.Mix(seed + 0x9E3779B97F4A7C15UL) ^ hash;
    }

    /// <summary>64 random bits.</summary>
    public ulong Bits(long index) => SplitMix64.Mix(SplitMix64.Mix(_key + ((ulong)index * 0x9E3779B97F4A7C15UL)) ^ _key);

    /// <summary>Uniform in [0, 1), 53 bits.</summary>
    public double Uniform(long index) => (Bits(index) >> 11) * (1.0 / (1UL << 53));

    /// <summary>Standard normal (Box and Muller 1958).</summary>
    public double Normal(long index)
    {
        double u = 1 - Uniform(2 * index);
        double v = Uniform((2 * index) + 1);
        return Math.Sqrt(-2 * Math.Log(u)) * Math.Cos(2 * Math.PI * v);
    }
}
