using Rm.Kernels.Ops;

namespace Rm.Kernels.Tests.Ops;

public sealed class SequenceLayoutTests
{
    [Fact]
    public void A_group_is_its_prefix_then_its_tails()
    {
        var builder = new SequenceLayoutBuilder();
        builder.AddSequence([9, 8], key: 5);
        builder.AddGroup([[1, 2, 3, 4, 5], [1, 2, 3, 6]], 3, key: 6);
        SequenceLayout layout = builder.Build();
        Assert.Equal([9, 8, 1, 2, 3, 4, 5, 6], layout.Tokens);
        Assert.Equal([0, 1, 0, 1, 2, 3, 4, 3], layout.Positions);
        Assert.Equal([new(0, 2, 0, 0), new(2, 3, 0, 0), new(5, 2, 2, 3), new(7, 1, 2, 3)], layout.Segments);
        Assert.Equal([1, 6, 7], layout.RewardRows);
        Assert.Equal(8, layout.TokenCount);
    }

    [Fact]
    public void Token_keys_depend_on_the_group_alone()
    {
        var first = new SequenceLayoutBuilder();
        first.AddGroup([[1, 2, 3], [1, 2, 4]], 2, key: 6);
        var second = new SequenceLayoutBuilder();
        second.AddSequence([7, 7, 7], key: 1);
        second.AddGroup([[1, 2, 3], [1, 2, 4]], 2, key: 6);
        uint[] keys = first.Build().TokenKeys;
        Assert.Equal(keys, second.Build().TokenKeys[3..]);
        Assert.Equal(keys.Length, keys.Distinct().Count());
    }

    [Fact]
    public void Sequences_that_do_not_share_the_prefix_are_refused()
    {
        var builder = new SequenceLayoutBuilder();
        Assert.Throws<ArgumentException>(() => builder.AddGroup([[1, 2, 3], [1, 5, 3]], 2, 0));
        Assert.Throws<ArgumentException>(() => builder.AddGroup([[1, 2, 3], [1, 2]], 2, 0));
        Assert.ThrowsAny<ArgumentException>(() => builder.AddGroup([], 0, 0));
        Assert.ThrowsAny<ArgumentException>(() => builder.AddSequence([], 0));
        Assert.Equal(0, builder.TokenCount);
    }

    [Theory]
    [InlineData(new[] { 1, 2, 3 }, new[] { 1, 2, 4 }, 2)]
    [InlineData(new[] { 1, 2 }, new[] { 1, 2, 4 }, 1)]
    [InlineData(new[] { 1 }, new[] { 1 }, 0)]
    [InlineData(new[] { 1 }, new[] { 2 }, 0)]
    [InlineData(new int[0], new[] { 2 }, 0)]
    public void A_common_prefix_leaves_each_a_token(int[] first, int[] second, int expected) =>
        Assert.Equal(expected, SequenceLayoutBuilder.CommonPrefixLength(first, second));
}
