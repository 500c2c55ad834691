using Rm.Formats.Rendering;
using Rm.Training.Batching;
using Rm.Training.RandomNumbers;

namespace Rm.Host.Tests.Data;

public sealed class EpochBatchPlanTests
{
    [Fact]
    public void An_epoch_ends_with_a_short_batch_and_a_short_step()
    {
        EpochBatchPlan plan = Plan(11, 3, 3);
        Assert.Equal((4, 2), (plan.BatchesPerEpoch, plan.StepsPerEpoch));
        Assert.Equal([[0, 1, 2, 3, 4, 5, 6, 7, 8], [9, 10], [0, 1, 2, 3, 4, 5, 6, 7, 8], [9, 10]],
            Enumerable.Range(0, 4).Select(step => Rows(plan.BatchAt(step))));
        Assert.Equal([3, 3, 3], plan.BatchAt(0).GroupSizes!);
        Assert.Equal([2], plan.BatchAt(1).GroupSizes!);
        Assert.Equal([0, 0.75, 1, 1.75, 2], Enumerable.Range(0, 5).Select(step => plan.EpochAt(step)));
    }

    [Fact]
    public void A_dropped_last_batch_is_the_orders_not_the_files()
    {
        EpochBatchPlan plan = Plan(11, 3, 2, dropLast: true, order: ExampleOrder.Shuffle);
        Assert.Equal((3, 2), (plan.BatchesPerEpoch, plan.StepsPerEpoch));
        Assert.Equal([3], plan.BatchAt(1).GroupSizes!);
        Assert.Equal(9, plan.BatchAt(0).Pairs.Concat(plan.BatchAt(1).Pairs).Select(p => p.RowIndex).Distinct().Count());
        Assert.NotEqual(Rows(plan.BatchAt(0)), Rows(plan.BatchAt(2)));
    }

    [Fact]
    public void An_epochs_order_is_PyTorchs_of_seed_plus_epoch()
    {
        // torch.randperm(10, generator=manual_seed(42)).
        EpochBatchPlan plan = Plan(10, 10, 1, order: ExampleOrder.Shuffle, seed: 41);
        Assert.Equal([2, 6, 1, 8, 4, 5, 0, 9, 3, 7], Rows(plan.BatchAt(1)));
    }

    [Fact]
    public void Pairs_of_a_short_batch_weigh_more()
    {
        // Two batches, of 3 and of 1: a pair's share is 1 / 6 in the first and 1 / 2 in the second, in a mean over 4 pairs 2 / 3 and 2.
        EpochBatchPlan plan = Plan(4, 3, 2);
        Assert.Equal([2 / 3f, 2 / 3f, 2 / 3f, 2], plan.BatchAt(0).Weights()!);
        Assert.Null(Plan(6, 3, 2).BatchAt(0).Weights());
        Assert.Equal(
            [0.5f, 2], PairPacking.Targets([plan.BatchAt(0).Pairs[0] with { Weight = 0.5f }, plan.BatchAt(0).Pairs[1]], [1, 2]).Weights!);
    }

    private static EpochBatchPlan Plan(
        int pairs, int batch, int accumulation, bool dropLast = false, ExampleOrder order = ExampleOrder.Sequential, ulong seed = 42) =>
        new([.. Enumerable.Range(0, pairs).Select(i => PreferencePair.FromIds([1, 2], [1, 3], i))], batch, accumulation, order, seed,
            RandomSource.Torch, dropLast);

    private static int[] Rows(TrainingBatch batch) => [.. batch.Pairs.Select(p => (int)p.RowIndex)];
}
