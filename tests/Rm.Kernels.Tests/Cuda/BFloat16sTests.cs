using Rm.Kernels.Cuda;

namespace Rm.Kernels.Tests.Cuda;

public sealed class BFloat16sTests
{
    [Fact]
    public void Rounding_takes_the_nearest_of_the_two_neighbours_and_the_even_one_on_a_tie()
    {
        Random random = new(3);
        float[] values = new float[100_003];
        for (int i = 0; i < values.Length; i++)
        {
            // Ties, near ties and anything else, of either sign.
            uint low = random.Next(4) switch { 0 => 0x8000u, 1 => 0x7FFFu, 2 => 0x8001u, _ => (uint)random.Next(1 << 16) };
            values[i] = BitConverter.UInt32BitsToSingle(((uint)random.Next(1 << 16) << 16) | low);
        }

        ushort[] bits = new ushort[values.Length];
        BFloat16s.Round(values, bits);
        for (int i = 0; i < values.Length; i++)
        {
            float got = BitConverter.UInt32BitsToSingle((uint)bits[i] << 16);
            uint down = BitConverter.SingleToUInt32Bits(values[i]) >> 16;
            if (float.IsNaN(values[i]))
            {
                Assert.True(float.IsNaN(got));
                continue;
            }

            double below = Real(down), above = Real(down + 1);
            double toBelow = Math.Abs(values[i] - below), toAbove = Math.Abs(above - values[i]);
            uint expected = toBelow < toAbove || (toBelow == toAbove && down % 2 == 0) ? down : down + 1;
            Assert.Equal(expected, bits[i]);
        }

        // Beyond the largest finite number lies what would be the next one, for which infinity stands.
        static double Real(uint upper) => (upper & 0x7FFF) == 0x7F80
            ? (upper >> 15 == 0 ? 1 : -1) * Math.ScaleB(1, 128)
            : BitConverter.UInt32BitsToSingle(upper << 16);
    }

    [Fact]
    public void Infinities_stay_and_a_destination_that_is_too_short_is_refused()
    {
        ushort[] bits = new ushort[2];
        BFloat16s.Round([float.PositiveInfinity, float.NegativeInfinity], bits);
        Assert.Equal([0x7F80, 0xFF80], bits);
        Assert.Throws<ArgumentOutOfRangeException>(() => BFloat16s.Round(new float[3], new ushort[2]));
    }
}
