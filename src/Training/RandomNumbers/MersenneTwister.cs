namespace Rm.Training.RandomNumbers;

/// <summary>
/// MT19937 (Matsumoto and Nishimura 1998), seeded with one 32-bit number as the authors' <c>init_genrand</c> does: the engine of PyTorch's
/// CPU generator.
/// </summary>
internal sealed class MersenneTwister
{
    private const int Size = 624;
    private const int Shift = 397;

    private readonly uint[] _state = new uint[Size];
    private int _next = Size;

    /// <summary>A generator of its own.</summary>
    public MersenneTwister(uint seed)
    {
        _state[0] = seed;
        for (int i = 1; i < Size; i++)
        {
            _state[i] = (1812433253u * (_state[i - 1] ^ (_state[i - 1] >> 30))) + (uint)i;
        }
    }

    /// <summary>The next 32 random bits.</summary>
    public uint Next()
    {
        if (_next == Size)
        {
            Refill();
        }

        uint y = _state[_next++];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9D2C5680u;
        y ^= (y << 15) & 0xEFC60000u;
        return y ^ (y >> 18);
    }

    private void Refill()
    {
        for (int i = 0; i < Size; i++)
        {
            uint y = (_state[i] & 0x80000000u) | (_state[(i + 1) % Size] & 0x7FFFFFFFu);
            _state[i] = _state[(i + Shift) % Size] ^ (y >> 1) ^ ((y & 1) * 0x9908B0DFu);
        }

        _next = 0;
    }
}
