using System.Text.Json;
using Rm.Formats.Datasets;
using Rm.Formats.RandomNumbers;
using Rm.Formats.Rendering;
using Rm.Training.Batching;

namespace Rm.Host.Tests.Data;

public sealed class BatchPlannerTests
{
    [Fact]
    public void SequentialBatchesRunOnOverTheEndOfAnEpoch()
    {
        var planner = new BatchPlanner(Pairs(5), 3, ExampleOrder.Sequential, seed: 1);

        Assert.Equal([[0, 1, 2], [3, 4, 0], [1, 2, 3], [4, 0, 1]], Enumerable.Range(0, 4).Select(step => Indices(planner, step)));
        Assert.Equal(1.2, planner.EpochAt(2));
    }

    [Fact]
    public void ShuffledEpochsTakeEveryPairOnceAndDiffer()
    {
        var planner = new BatchPlanner(Pairs(100), 25, ExampleOrder.Shuffle, seed: 7);
        long[][] epochs = [.. Enumerable.Range(0, 3).Select(epoch => Epoch(planner, epoch))];

        Assert.All(epochs, epoch => Assert.Equal(Enumerable.Range(0, 100).Select(i => (long)i), epoch.Order()));
        Assert.Equal(3, epochs.Select(epoch => string.Join(',', epoch)).Distinct().Count());
        Assert.NotEqual(epochs[0], Epoch(new BatchPlanner(Pairs(100), 25, ExampleOrder.Shuffle, seed: 8), 0));

        static long[] Epoch(BatchPlanner planner, int epoch) =>
            [.. Enumerable.Range(epoch * 4, 4).SelectMany(step => Indices(planner, step))];
    }

    [Fact]
    public void AStepIsTheSameHoweverItIsReached()
    {
        BatchPlanner Planner() => new(Pairs(17), 4, ExampleOrder.Shuffle, seed: 3);
        BatchPlanner walked = Planner();
        long[][] steps = [.. Enumerable.Range(0, 40).Select(step => Indices(walked, step))];

        for (int step = 39; step >= 0; step--)
        {
            Assert.Equal(steps[step], Indices(Planner(), step));
            Assert.Equal(steps[step], Indices(walked, step));
        }

        Assert.Equal(4, Indices(walked, 1_000_000_000_000).Length);
    }

    [Fact]
    public void TheShuffleIsFixedForEver()
    {
        // A changed order would change every recorded run: these are the orders of version 0.1, computed by a second program.
        var order = new EpochOrder(8, ExampleOrder.Shuffle, seed: 42);

        Assert.Equal("5 1 7 0 3 4 2 6", string.Join(' ', Enumerable.Range(0, 8).Select(i => order.At(i))));
        Assert.Equal("0 4 5 6 7 3 1 2", string.Join(' ', Enumerable.Range(8, 8).Select(i => order.At(i))));
    }

    [Fact]
    public void TheGeneratorGivesTheNumbersOfItsDefinition()
    {
        // The first outputs for this seed of the reference implementation in C.
        var random = new SplitMix64(1234567);

        Assert.Equal(6457827717110365317UL, random.Next());
        Assert.Equal(3203168211198807973UL, random.Next());
        Assert.Equal(9817491932198370423UL, random.Next());
    }

    [Fact]
    public void EveryPositionIsEquallyLikely()
    {
        int[,] counts = new int[5, 5];
        for (ulong seed = 0; seed < 5000; seed++)
        {
            var order = new EpochOrder(5, ExampleOrder.Shuffle, seed);
            for (int i = 0; i < 5; i++)
            {
                counts[i, order.At(i)]++;
            }
        }

        // 1000 expected, standard deviation 28: five of them either way.
        Assert.All(counts.Cast<int>(), count => Assert.InRange(count, 860, 1140));
    }

    [Fact]
    public void GoldenTrajectoriesTakeTheBatchesThatTheyWereWrittenWith()
    {
        string path = Path.Combine(TestPaths.Golden, "cases", "qwen2-tiny", "trajectory.json");
        using var golden = JsonDocument.Parse(File.ReadAllBytes(path));
        PreferencePair[] data = [.. golden.RootElement.GetProperty("pairs").EnumerateArray()
            .Select((pair, i) => PreferencePair.FromIds(Ids(pair, "chosen"), Ids(pair, "rejected"), i))];
        var planner = new BatchPlanner(data, 4, ExampleOrder.Sequential, seed: 0);

        for (int step = 0; step < golden.RootElement.GetProperty("steps").GetInt32(); step++)
        {
            Assert.Equal(Enumerable.Range(0, 4).Select(i => (long)((step * 4) + i) % data.Length), Indices(planner, step));
        }

        static int[] Ids(JsonElement pair, string side) => [.. pair.GetProperty(side).EnumerateArray().Select(id => id.GetInt32())];
    }

    [Fact]
    public void MicroBatchesKeepOrderAndBudget()
    {
        // 4 + 4 tokens of which 2 are shared, then one of 40 + 40.
        var small = PreferencePair.FromIds([1, 2, 3, 4], [1, 2, 5, 6], 0);
        var large = PreferencePair.FromIds([.. Enumerable.Range(0, 40)], [.. Enumerable.Range(100, 40)], 0);
        PreferencePair[] pairs = [small, small, small, large, small];

        Assert.Equal([(2, 12), (1, 6), (1, 80), (1, 6)], Cut(13, sharePrefix: true));
        Assert.Equal([(2, 12), (1, 6), (1, 80), (1, 6)], Cut(12, sharePrefix: true));
        Assert.Equal([(1, 8), (1, 8), (1, 8), (1, 80), (1, 8)], Cut(13, sharePrefix: false));
        Assert.Equal([(5, 104)], Cut(104, sharePrefix: true));
        Assert.Equal(pairs, MicroBatch.Cut(pairs, 12, sharePrefix: true).SelectMany(batch => batch.Pairs));
        Assert.Empty(MicroBatch.Cut(Array.Empty<PreferencePair>(), 12, sharePrefix: true));

        IEnumerable<(int, int)> Cut(int budget, bool sharePrefix) =>
            MicroBatch.Cut(pairs, budget, sharePrefix).Select(batch => (batch.Pairs.Count, batch.PackedTokens));
    }

    [Fact]
    public void ThePrefixLeavesEachSideATail()
    {
        Assert.Equal(2, PreferencePair.CommonPrefix([1, 2, 3], [1, 2, 4]));
        Assert.Equal(1, PreferencePair.CommonPrefix([1, 2], [1, 2, 4]));
        Assert.Equal(0, PreferencePair.CommonPrefix([1], [1]));
        Assert.Throws<ArgumentException>(() => PreferencePair.CommonPrefix([], [1]));
    }

    [Fact]
    public void QuantilesAreLengthsThatOccur()
    {
        var lengths = new LengthQuantiles([5, 1, 4, 2, 3, 6, 8, 7, 9, 10]);

        Assert.Equal([1, 3, 5, 8, 9, 10, 10], LengthQuantiles.Percentages.Select(lengths.At));
        Assert.Equal(7, new LengthQuantiles([7]).At(0));
        Assert.Equal(0, new LengthQuantiles([]).At(50));
    }

    private static PreferencePair[] Pairs(int count) =>
        [.. Enumerable.Range(0, count).Select(i => PreferencePair.FromIds([i, 1], [i, 2], i))];

    private static long[] Indices(BatchPlanner planner, long step) => [.. planner.BatchAt(step).Select(pair => pair.RowIndex)];
}
