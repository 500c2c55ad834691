using Rm.Formats.Safetensors;

namespace Rm.Host.Tests.Checkpoints;

public sealed class FloatConversionTests
{
    private static readonly ushort[] All = [.. Enumerable.Range(0, 65536).Select(i => (ushort)i)];

    [Fact]
    public void Every_half_becomes_the_same_number()
    {
        // An odd length takes the vector path and the tail.
        foreach (ushort[]? source in new[] { All, All[..65533], All[31_000..31_003] })
        {
            float[] result = new float[source.Length];
            FloatConversion.FromHalf(source, result);
            for (int i = 0; i < source.Length; i++)
            {
                float expected = (float)BitConverter.UInt16BitsToHalf(source[i]);
                Assert.True(float.IsNaN(expected) ? float.IsNaN(result[i])
                    : BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(result[i]),
                    $"0x{source[i]:x4}: {result[i]}, expected {expected}");
            }
        }
    }

    [Fact]
    public void Every_bfloat16_survives_the_way_to_float_and_back()
    {
        float[] wide = new float[All.Length];
        ushort[] back = new ushort[All.Length];
        FloatConversion.FromBFloat16(All, wide);
        FloatConversion.ToBFloat16(wide, back);
        for (int i = 0; i < All.Length; i++)
        {
            Assert.Equal((uint)All[i] << 16, BitConverter.SingleToUInt32Bits(wide[i]));
            Assert.True(
                float.IsNaN(wide[i]) ? (back[i] & 0x7fff) > 0x7f80 : back[i] == All[i], $"0x{All[i]:x4} came back as 0x{back[i]:x4}");
        }
    }

    [Theory]
    [InlineData(0x3f808000u, 0x3f80)] // halfway, even below
    [InlineData(0x3f818000u, 0x3f82)] // halfway, even above
    [InlineData(0x3f808001u, 0x3f81)]
    [InlineData(0x3f807fffu, 0x3f80)]
    [InlineData(0x7f7fffffu, 0x7f80)] // the largest float rounds to infinity
    [InlineData(0xff7fffffu, 0xff80)]
    [InlineData(0x7f800001u, 0x7fc0)] // a NaN whose payload is cut away stays a NaN
    [InlineData(0x80000001u, 0x8000)]
    public void Rounding_to_bfloat16_is_to_nearest_even(uint bits, int expected)
    {
        float[] source = Enumerable.Repeat(BitConverter.UInt32BitsToSingle(bits), 37).ToArray();
        ushort[] result = new ushort[source.Length];
        FloatConversion.ToBFloat16(source, result);
        Assert.All(result, value => Assert.Equal((ushort)expected, value));
    }
}
