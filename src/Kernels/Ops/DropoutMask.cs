using System.Runtime.CompilerServices;

namespace Rm.Kernels.Ops;

/// <summary>
/// The counter-based random numbers behind LoRA dropout: Philox4x32-10 (Salmon et al. 2011), key = the step's seed, counter =
/// (column / 4, module stream, token key, 0); word column % 4 decides about the element. No state, so any backend draws the same mask.
/// </summary>
public static class DropoutMask
{
    /// <summary>Smallest 32-bit word that keeps an element.</summary>
    public static uint Threshold(float probability) => (uint)Math.Min(uint.MaxValue, Math.Round(probability * 4294967296.0));

    /// <summary>Whether element <paramref name="column"/> of a token is kept.</summary>
    public static bool Keeps(ulong seed, uint stream, uint tokenKey, int column, uint threshold)
    {
        Words words = Draw(seed, (uint)column >> 2, stream, tokenKey);
        return words[column & 3] >= threshold;
    }

    /// <summary>The four words of one counter value.</summary>
    internal static Words Draw(ulong seed, uint block, uint stream, uint tokenKey)
    {
        uint c0 = block, c1 = stream, c2 = tokenKey, c3 = 0;
        uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
        for (int round = 0; round < 10; round++)
        {
            ulong product0 = 0xD2511F53UL * c0;
            ulong product1 = 0xCD9E8D57UL * c2;
            uint n0 = (uint)(product1 >> 32) ^ c1 ^ k0;
            uint n2 = (uint)(product0 >> 32) ^ c3 ^ k1;
            c1 = (uint)product1;
            c3 = (uint)product0;
            c0 = n0;
            c2 = n2;
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }

        Words words = default;
        words[0] = c0;
        words[1] = c1;
        words[2] = c2;
        words[3] = c3;
        return words;
    }

    /// <summary>Four 32-bit words.</summary>
    [InlineArray(4)]
    internal struct Words
    {
        private uint _word;
    }
}
