using Rm.Host.Serving.Batching;
using Rm.Kernels.Ops;

namespace Rm.Host.Tests.Serving;

/// <summary>What is put together, and in which order it is taken.</summary>
public sealed class BatchComposerTests
{
    [Fact]
    public void Candidates_of_a_prompt_share_it_in_whole_blocks()
    {
        int[] prompt = [.. Enumerable.Range(0, 200)];
        int[][] texts = [.. Enumerable.Range(0, 16).Select(i => (int[])[.. prompt, 1000 + i, 5, 6])];
        SharedGroup group = Assert.Single(BatchComposer.Group(Waiting(texts), sharePrefixes: true));
        Assert.Equal((192, 16), (group.PrefixLength, group.Members.Count));
        Assert.Equal(192 + (16 * 11), group.PackedTokens);
    }

    [Fact]
    public void Equal_texts_are_computed_once()
    {
        SharedGroup group = Assert.Single(BatchComposer.Group(Waiting([[1, 2], [1, 2], [1, 2]]), sharePrefixes: true));
        Assert.Equal(3, Assert.Single(group.Members).Count);
        Assert.Equal(2, group.PackedTokens);
        Assert.Equal(3, BatchComposer.Group(Waiting([[1, 2], [1, 2], [1, 2]]), sharePrefixes: false).Count);
    }

    [Fact]
    public void A_neighbour_that_would_shorten_what_others_share_stays_out()
    {
        int[] prompt = [.. Enumerable.Range(0, 640)];
        int[][] texts = [.. Enumerable.Range(0, 4).Select(i => (int[])[.. prompt, 1000 + i]), [.. prompt[..64], 7, 7]];
        List<SharedGroup> groups = BatchComposer.Group(Waiting(texts), sharePrefixes: true);
        Assert.Equal([0, 640], groups.Select(group => group.PrefixLength).Order());
        texts = [.. texts[..1], [.. prompt[..512], 7, 7], [.. prompt[..512], 8, 8]];
        Assert.Equal(512, Assert.Single(BatchComposer.Group(Waiting(texts), sharePrefixes: true)).PrefixLength);
    }

    [Fact]
    public void The_oldest_is_always_taken_and_the_budget_is_kept()
    {
        var random = new Random(3);
        for (int trial = 0; trial < 200; trial++)
        {
            int[][] texts = [.. Enumerable.Range(0, random.Next(1, 30)).Select(
                _ => Enumerable.Range(0, random.Next(1, 300)).Select(i => i < 128 ? random.Next(1) : random.Next(9)).ToArray())];
            WaitingSequence[] waiting = Waiting(texts);
            int budget = random.Next(1, 1000);
            List<SharedGroup> groups = BatchComposer.Compose(waiting, budget, sharePrefixes: true);
            WaitingSequence[] taken = [.. groups.SelectMany(group => group.Members).SelectMany(same => same)];
            Assert.Contains(taken, sequence => sequence.Order == 0);
            Assert.Equal(taken.Length, taken.Distinct().Count());
            Assert.True(groups.Sum(group => group.PackedTokens) <= budget || groups.Sum(group => group.Members.Count) == 1);
            Assert.All(groups, group => Assert.Equal(0, group.PrefixLength % SequenceLayoutBuilder.PrefixBlock));
            var builder = new SequenceLayoutBuilder();
            foreach (SharedGroup group in groups)
            {
                builder.AddGroup([.. group.Members.Select(same => same[0].Tokens)], group.PrefixLength, 0);
            }

            Assert.Equal(groups.Sum(group => group.PackedTokens), builder.TokenCount);
        }
    }

    private static WaitingSequence[] Waiting(int[][] texts)
    {
        var job = new ScoringJob(null!, texts);
        return [.. texts.Select((_, i) => new WaitingSequence(job, i, i))];
    }
}
