using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;
using Rm.Kernels.Tests.Conformance;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>
/// The attention kernels' lists of work, without a device: together they name every pair of a query and a key that it sees.
/// </summary>
public sealed class AttentionWorkTests
{
    private static readonly SequenceLayout Layout = Layouts.Of([5, 3, 7], [0, 4], [1, 1, 2, 1]);

    [Theory]
    [InlineData(1, false)]
    [InlineData(4, false)]
    [InlineData(64, false)]
    [InlineData(4, true)]
    public void Blocks_of_queries_and_of_keys_name_every_visible_pair_once(int size, bool some)
    {
        int[]? rows = some ? [.. Enumerable.Range(0, Layout.TokenCount).Where(static t => t % 3 == 1)] : null;
        AttentionSlots slots = new(Layout, rows);
        List<(int Query, int Key)> expected = [], byQuery = [], byKey = [];
        foreach (Segment segment in Layout.Segments)
        {
            for (int token = segment.Start; token < segment.Start + segment.Length; token++)
            {
                if (rows is null || rows.Contains(token))
                {
                    expected.AddRange(Enumerable.Range(segment.PrefixStart, segment.PrefixLength).Select(key => (token, key)));
                    expected.AddRange(Enumerable.Range(segment.Start, token - segment.Start + 1).Select(key => (token, key)));
                }
            }
        }

        foreach (int[] block in AttentionWork.Queries(Layout.Segments, slots, size).Chunk(AttentionWork.QueryFields))
        {
            Assert.InRange(block[1], 1, size);
            for (int slot = block[0]; slot < block[0] + block[1]; slot++)
            {
                IEnumerable<int> keys = [.. Enumerable.Range(block[2], block[3]), .. Enumerable.Range(block[4], block[5])];
                byQuery.AddRange(keys.Where(key => key <= slots.Token(slot)).Select(key => (slots.Token(slot), key)));
            }
        }

        (int[] blocks, int[] ranges) = AttentionWork.Keys(Layout.Segments, slots, size);
        List<int> tokens = [];
        foreach (int[] block in blocks.Chunk(AttentionWork.KeyFields))
        {
            Assert.InRange(block[1], 1, size);
            tokens.AddRange(Enumerable.Range(block[0], block[1]));
            foreach (int[] range in ranges.Chunk(AttentionWork.RangeFields).Take(block[3]).Skip(block[2]))
            {
                foreach (int query in Enumerable.Range(range[0], range[1]).Select(slots.Token))
                {
                    byKey.AddRange(Enumerable.Range(block[0], block[1]).Where(key => key <= query).Select(key => (query, key)));
                }
            }
        }

        Assert.Equal(Enumerable.Range(0, Layout.TokenCount), tokens.Order());
        Assert.Equal(expected.Order(), byQuery.Order());
        Assert.Equal(expected.Order(), byKey.Order());
    }

    [Fact]
    public void Costly_blocks_come_first()
    {
        int[] blocks = AttentionWork.Queries(Layout.Segments, new AttentionSlots(Layout, null), 4);
        int[] costs = [.. blocks.Chunk(AttentionWork.QueryFields).Select(static block => block[3] + block[5])];
        Assert.Equal(costs.OrderDescending(), costs);
    }
}
