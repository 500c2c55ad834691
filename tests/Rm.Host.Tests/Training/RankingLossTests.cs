using Rm.Formats.Rendering;
using Rm.Kernels.Cpu;
using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Training.Batching;
using Rm.Training.Evaluation;
using Rm.Training.Loop;
using Rm.Training.Memory;
using Rm.Training.Model;
using Rm.Training.Statistics;

namespace Rm.Host.Tests.Training;

/// <summary>Rankings as examples of the loss: what they are worth, what they cost, and the same by the pairs that they make.</summary>
[Collection("CUDA device")]
public sealed class RankingLossTests
{
    private static readonly ModelConfig Config = ModelShapes.Get("qwen2.5-0.5b") with
    {
        VocabSize = 300,
        HiddenSize = 64,
        Layers = 2,
        Heads = 4,
        KvHeads = 2,
        HeadDim = 16,
        IntermediateSize = 96,
    };

    private static readonly TrainingScope Lora = new(new LoraSettings(4, 8, WeightNames.Modules), TrainsEverything: false);

    // A full order, ties, one best answer, and a pair.
    private static readonly PreferencePair[] Pairs =
        [.. Ranking(0, 2, 0, 3, 1), .. Ranking(1, 1, 0, 0, 2, 2), .. Ranking(2, 1, 0, 1), .. Ranking(3, 0, 1)];

    private static readonly int[] PairsOfRankings = [6, 8, 2, 1];

    [Fact]
    public void Pairwise_is_the_mean_over_the_pairs_of_each_ranking_and_costs_its_answers()
    {
        using var cpu = new CpuBackend(1);
        StepResult pairs = Step(cpu, null, new TrainingBatch(Pairs, PairsOfRankings), out float[] expected);
        StepResult rankings = Step(cpu, RankingLossKind.Pairwise, TrainingBatch.Of(PairGroup.ByRow(Pairs)), out float[] actual);
        Assert.Equal(pairs.Loss, rankings.Loss, 1e-6);
        Assert.Equal(pairs.GradNorm, rankings.GradNorm, 1e-5 * pairs.GradNorm);
        Assert.All(pairs.Rewards.Chosen.Zip(rankings.Rewards.Chosen), reward => Assert.Equal(reward.First, reward.Second, 1e-5f));
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i], actual[i], 1e-5 * pairs.GradNorm);
        }

        // 4, 5, 3 and 2 answers of 7 tokens behind 20 that they share, against 17 pairs of such.
        Assert.Equal((4 * 20) + (14 * 7), rankings.PackedTokens);
        Assert.Equal(14 * 27, rankings.Tokens);
        Assert.Equal(17 * 34, pairs.PackedTokens);
    }

    [Fact]
    public void Plackett_Luce_is_the_likelihood_of_the_order()
    {
        using var cpu = new CpuBackend(1);
        PairGroup[] one = [PairGroup.ByRow(Pairs)[0]];
        StepResult step = Step(cpu, RankingLossKind.PlackettLuce, TrainingBatch.Of(one), out _, new PairLossOptions());

        // Ranks 2, 0, 3, 1: second, fourth, first and third answer, whose rewards the pairs tell.
        double[] worth = [.. new[] { 1, 3, 0, 2 }.Select(Reward).Select(r => Math.Exp(r))];
        double probability = 1;
        for (int i = 0; i < worth.Length; i++)
        {
            probability *= worth[i] / worth[i..].Sum();
        }

        Assert.Equal(-Math.Log(probability), step.Loss, 1e-6);

        double Reward(int answer)
        {
            int[] ids = Answer(0, answer);
            PreferencePair[] pairs = [.. one[0].Pairs];
            int index = Array.FindIndex(pairs, pair => pair.Chosen.SequenceEqual(ids));
            return index >= 0
                ? step.Rewards.Chosen[index]
                : step.Rewards.Rejected[Array.FindIndex(pairs, pair => pair.Rejected.SequenceEqual(ids))];
        }
    }

    [Theory]
    [InlineData(RankingLossKind.Pairwise)]
    [InlineData(RankingLossKind.PlackettLuce)]
    public void The_loss_of_an_evaluation_is_that_of_a_step(RankingLossKind kind)
    {
        using var cpu = new CpuBackend(1);
        StepResult step = Step(cpu, kind, TrainingBatch.Of(PairGroup.ByRow(Pairs)), out _);
        Assert.Equal(step.Loss, EvaluationResult.From(Pairs, step.Rewards, Options(kind).Loss, kind).Loss, 1e-6);
        Assert.NotEqual(step.Loss, EvaluationResult.From(Pairs, step.Rewards, Options(kind).Loss).Loss, 1e-3);
    }

    [Theory]
    [InlineData(RankingLossKind.Pairwise)]
    [InlineData(RankingLossKind.PlackettLuce)]
    public void On_the_emulated_device_a_step_is_that_of_the_CPU(RankingLossKind kind)
    {
        var batch = TrainingBatch.Of(PairGroup.ByRow(Pairs));
        using CudaBackend device = EmulatedDevice.Open(DType.F32);
        using var cpu = new CpuBackend(1);
        StepResult expected = Step(cpu, kind, batch, out _), actual = Step(device, kind, batch, out _);
        Assert.Equal(expected.Loss, actual.Loss, 1e-5);
        Assert.Equal(expected.GradNorm, actual.GradNorm, 1e-4 * expected.GradNorm);
    }

    [Fact]
    public void An_evaluation_scores_every_answer_once_and_gives_the_rewards_of_single_pairs()
    {
        using var cpu = new CpuBackend(1);
        using var counting = new CountingBackend(cpu);
        using RewardModel model = Model(counting);
        PairRewards together = PairEvaluator.Score(model, Pairs, 400, sharePrefix: true);
        Assert.Equal(14, counting.Rewards);
        PreferencePair[] apart = [.. Pairs.Select((pair, i) => pair with { RowIndex = i })];
        Assert.Equal(PairEvaluator.Score(model, apart, 400, sharePrefix: true).Chosen, together.Chosen);
        Assert.Equal(14 + 34, counting.Rewards);

        // Rankings above the budget are taken apart: no micro-batch gets larger than that of a pair.
        Assert.Equal(PairEvaluator.Score(model, Pairs, 60, sharePrefix: true).Rejected, together.Rejected);
        Assert.All(ScoringPairs.Of(Pairs, 60, sharePrefix: true), group => Assert.True(group.PackedTokens(sharePrefix: true) <= 60));
    }

    [Theory]
    [InlineData(Recompute.None)]
    [InlineData(Recompute.Full)]
    public void Rankings_take_no_more_memory_than_was_planned(Recompute recompute)
    {
        using var cpu = new CpuBackend(1);
        IReadOnlyList<PairGroup> groups = PairGroup.ByRow(Pairs);
        var extent = MicroBatchExtent.Of([groups], tokenBudget: 60, sharePrefix: true);
        MemoryPlan plan = new MemoryPlanner(() => cpu.DryRun(DType.F32), Config, Lora).Plan(recompute, extent);
        using RewardModel model = Model(cpu, recompute);
        new StepRunner(model, Options(RankingLossKind.Pairwise) with { MicroTokenBudget = 60 }).Run(0, TrainingBatch.Of(groups));
        Assert.InRange(model.Activations.Peak, plan.Activations.Peak / 2, plan.Activations.Peak);
    }

    [Fact]
    public void A_batch_has_rankings_and_goes_on_over_the_end_of_an_epoch()
    {
        IBatchPlan plan = (Options(RankingLossKind.Pairwise) with { BatchSize = 3, Order = ExampleOrder.Sequential }).Plan(Pairs);
        Assert.Equal([0, 1, 2], plan.BatchAt(0).Rankings!.Select(ranking => (int)ranking.Pairs[0].RowIndex));
        Assert.Equal([3, 0, 1], plan.BatchAt(1).Rankings!.Select(ranking => (int)ranking.Pairs[0].RowIndex));
        Assert.Equal(0.75, plan.EpochAt(1));
    }

    [Fact]
    public void Losses_of_one_ranking_by_hand()
    {
        (int, float, float)[] pairs = [(0, 2, 1), (0, 2, -1), (1, 1, -1)];
        double[] z = [1, 3, 2];
        double mean = z.Average(d => Math.Log(1 + Math.Exp(-d)));
        Assert.Equal(mean, RankingLoss.Of(pairs, 0, new PairLossOptions(), RankingLossKind.Pairwise), 1e-12);
        double likelihood = Math.Log(1 + Math.Exp(-1) + Math.Exp(-3)) + Math.Log(1 + Math.Exp(-2));
        Assert.Equal(likelihood, RankingLoss.Of(pairs, 0, new PairLossOptions(), RankingLossKind.PlackettLuce), 1e-12);
        double squares = (0.5 * (5 + 5 + 2) / 3) + (0.25 * (1 + 9 + 4) / 3);
        Assert.Equal(
            likelihood + squares, RankingLoss.Of(pairs, 0, new PairLossOptions(1, 0, 0.5f, 0.25f), RankingLossKind.PlackettLuce), 1e-12);
    }

    /// <summary>The pairs of a row whose answers have these ranks, the smaller the better; their tokens are shared.</summary>
    private static IEnumerable<PreferencePair> Ranking(int row, params int[] ranks)
    {
        int[][] answers = [.. ranks.Select((_, i) => Answer(row, i))];
        return from better in Enumerable.Range(0, ranks.Length)
               from worse in Enumerable.Range(0, ranks.Length)
               where ranks[better] < ranks[worse]
               select PreferencePair.FromIds(answers[better], answers[worse], row);
    }

    private static int[] Answer(int row, int answer)
    {
        Random prompt = new(row), own = new((100 * row) + answer + 7);
        return [.. Enumerable.Range(0, 20).Select(_ => prompt.Next(300)), answer, .. Enumerable.Range(0, 6).Select(_ => own.Next(300))];
    }

    private static TrainingOptions Options(RankingLossKind? kind) => new(
        1, 4, 100_000, 1e-3, 0, new LearningRateSchedule(ScheduleKind.Constant, 0, 1), 0, new PairLossOptions(1, 0, 0.02f, 0.01f), 7,
        ExampleOrder.Sequential)
    {
        RankingLoss = kind,
    };

    private static RewardModel Model(IBackend backend, Recompute recompute = Recompute.Selective)
    {
        var model = new RewardModel(backend, Config, new SameWeights(), Lora, training: true, recompute);
        ParameterInitializer.InitializeLora(model.Parameters, seed: 1);
        ParameterInitializer.InitializeHead(model.Parameters, 0.3, seed: 1);
        return model;
    }

    private static StepResult Step(
        IBackend backend, RankingLossKind? kind, TrainingBatch batch, out float[] gradients, PairLossOptions? loss = null)
    {
        using RewardModel model = Model(backend);
        TrainingOptions options = Options(kind);
        StepResult result = new StepRunner(model, options with { Loss = loss ?? options.Loss }).Run(0, batch);
        gradients = new float[model.Parameters.Gradients.Shape.Count];
        backend.Download<float>(model.Parameters.Gradients, gradients);
        return result;
    }

    /// <summary>Random weights that every device reads; one that fills its memory by itself has numbers of its own.</summary>
    private sealed class SameWeights : IWeightSource
    {
        private readonly RandomWeights _weights = new(1);

        public bool Contains(string name) => _weights.Contains(name);

        public void Read(string name, long start, Span<float> destination) => _weights.Read(name, start, destination);
    }

    /// <summary>Counts the rewards that are computed.</summary>
    private sealed class CountingBackend(IBackend inner) : ObservedBackend(inner, null)
    {
        public int Rewards { get; private set; }

        public override void RewardHeadForward(RewardHeadForwardArgs args)
        {
            Rewards += args.Rewards.Columns;
            base.RewardHeadForward(args);
        }
    }
}
