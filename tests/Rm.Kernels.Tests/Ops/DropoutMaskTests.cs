using Rm.Kernels.Ops;

namespace Rm.Kernels.Tests.Ops;

public sealed class DropoutMaskTests
{
    [Fact]
    public void Draws_the_published_numbers_of_Philox4x32_10()
    {
        // Known answer for counter 0 and key 0 (Salmon et al. 2011, the authors' test vectors).
        DropoutMask.Words words = DropoutMask.Draw(0, 0, 0, 0);
        Assert.Equal([0x6627e8d5u, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8], new[] { words[0], words[1], words[2], words[3] });
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(0.05f)]
    [InlineData(0.5f)]
    [InlineData(0.9f)]
    public void Drops_the_share_that_was_asked_for(float probability)
    {
        const int Count = 200_000;
        uint threshold = DropoutMask.Threshold(probability);
        int dropped = Enumerable.Range(0, Count).Count(i => !DropoutMask.Keeps(42, 3, (uint)(i / 500), i % 500, threshold));

        // Five standard deviations of a binomial.
        double spread = 5 * Math.Sqrt(probability * (1 - probability) / Count);
        Assert.InRange((double)dropped / Count, probability - spread, probability + spread);
    }

    [Fact]
    public void Every_part_of_the_counter_matters()
    {
        uint threshold = DropoutMask.Threshold(0.5f);
        bool[] Mask(ulong seed, uint stream, uint key) =>
            [.. Enumerable.Range(0, 64).Select(c => DropoutMask.Keeps(seed, stream, key, c, threshold))];
        bool[] one = Mask(1, 1, 1);
        Assert.Equal(one, Mask(1, 1, 1));
        Assert.NotEqual(one, Mask(2, 1, 1));
        Assert.NotEqual(one, Mask(1UL << 32 | 1, 1, 1));
        Assert.NotEqual(one, Mask(1, 2, 1));
        Assert.NotEqual(one, Mask(1, 1, 2));
    }
}
