using Rm.Formats.Rendering;
using Rm.Kernels.Cpu;
using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Training.Batching;
using Rm.Training.Memory;
using Rm.Training.Model;

namespace Rm.Host.Tests.Model;

/// <summary>
/// A plan against the step it was made for: the arena to the byte, and all of the device's memory between 85% and 100% of the plan.
/// </summary>
[Collection("CUDA device")]
public sealed class MemoryPlanTests
{
    private static readonly TrainingScope Lora = new(
        new LoraSettings(4, 8, WeightNames.Modules, Dropout: 0.1, ModulesToSave: ["norm"]), TrainsEverything: false);

    // Wide enough that activations, not lists of integers, are what takes memory; Qwen3 has head norms, Qwen2 biases.
    private static readonly ModelConfig Qwen2 = ModelShapes.Get("qwen2.5-0.5b") with
    {
        VocabSize = 300,
        HiddenSize = 128,
        Layers = 3,
        Heads = 4,
        KvHeads = 2,
        HeadDim = 32,
        IntermediateSize = 352,
    };

    private static readonly ModelConfig Qwen3 = ModelShapes.Get("qwen3-0.6b") with
    {
        VocabSize = 300,
        HiddenSize = 128,
        Layers = 3,
        Heads = 4,
        KvHeads = 2,
        HeadDim = 32,
        IntermediateSize = 352,
    };

    // Every value of every parameter meets every one of the others.
    [Theory]
    [InlineData("qwen2", true, true, Recompute.None)]
    [InlineData("qwen3", true, false, Recompute.Selective)]
    [InlineData("qwen2", true, true, Recompute.Full)]
    [InlineData("qwen3", false, false, Recompute.None)]
    [InlineData("qwen2", false, true, Recompute.Selective)]
    [InlineData("qwen3", false, false, Recompute.Full)]
    public void A_step_takes_what_was_planned(string family, bool lora, bool share, Recompute recompute)
    {
        using CudaBackend backend = EmulatedDevice.Open(DType.BF16);
        using var memory = new EmulatedMemory();
        ModelConfig config = family == "qwen2" ? Qwen2 : Qwen3;
        TrainingScope scope = lora ? Lora : TrainingScope.Full;

        // The last pair is longer than the budget.
        PreferencePair[] pairs = Pairs(share, 36, 18, 20, 29, 90);
        var extent = MicroBatchExtent.Of([PairGroup.Each(pairs)], tokenBudget: 64, share);
        Assert.Equal(pairs[^1].PackedTokens(share), extent.Tokens);
        MemoryPlan plan = new MemoryPlanner(() => backend.DryRun(DType.F32), config, scope).Plan(recompute, extent);

        // Where the device has less, the run ends; where it has the plan's bytes, it does not.
        memory.SetFree(plan.Total * 85 / 100);
        Exception? refused = Record.Exception(() => Step(backend, config, scope, recompute, pairs, share));
        Assert.True(refused is not null && backend.IsOutOfMemory(refused), $"85% of {plan} are enough: {refused}");
        memory.SetFree(plan.Total);
        ActivationMemory measured = Step(backend, config, scope, recompute, pairs, share);
        Assert.InRange(measured.Peak, plan.Activations.Peak * 98 / 100, plan.Activations.Peak);
        Assert.InRange(measured.Kept, plan.Activations.Kept * 98 / 100, plan.Activations.Kept);

        // Where one micro-batch has the most of everything, there is nothing between the two.
        MemoryPlan exact = new MemoryPlanner(() => backend.DryRun(DType.F32), config, scope)
            .Plan(recompute, MicroBatchExtent.Of([PairGroup.Each(pairs[^1..])], 64, share));
        Assert.Equal(exact.Activations, Step(backend, config, scope, recompute, pairs[^1..], share));
    }

    [Theory]
    [InlineData(GemmChoice.Wgmma)]
    [InlineData(GemmChoice.CublasLt)]
    public void Other_products_are_run_dry_with_what_they_take(GemmChoice gemm)
    {
        using CudaBackend own = EmulatedDevice.Open(DType.BF16);
        using CudaBackend backend = EmulatedDevice.Open(DType.BF16, gemm);
        var extent = MicroBatchExtent.Full(200, 100, sharePrefix: true);
        MemoryPlan expected = new MemoryPlanner(() => own.DryRun(DType.F32), Qwen2, Lora).Plan(Recompute.None, extent);
        MemoryPlan plan = new MemoryPlanner(() => backend.DryRun(DType.F32), Qwen2, Lora).Plan(Recompute.None, extent);
        Assert.Equal(expected.Activations, plan.Activations);
        Assert.True(plan.Total >= expected.Total, $"{plan} takes less than {expected}");
    }

    [Fact]
    public void Recomputing_changes_no_bit()
    {
        using CudaBackend backend = EmulatedDevice.Open(DType.BF16);
        PreferencePair[] pairs = Pairs(share: true, 30);
        float[]? expected = null;
        foreach (Recompute recompute in Enum.GetValues<Recompute>())
        {
            using RewardModel model = Model(backend, Qwen3, Lora, recompute);
            Train(model, pairs, share: true);
            float[] gradients = new float[model.Parameters.Gradients.Shape.Count];
            backend.Download<float>(model.Parameters.Gradients, gradients);
            expected ??= gradients;
            Assert.Contains(expected, g => g != 0);
            Assert.Equal(expected, gradients);
        }
    }

    [Theory]
    [InlineData(true, Recompute.None)]
    [InlineData(true, Recompute.Full)]
    [InlineData(false, Recompute.Selective)]
    public void On_the_CPU_too(bool lora, Recompute recompute)
    {
        using var backend = new CpuBackend(1);
        TrainingScope scope = lora ? Lora : TrainingScope.Full;
        PreferencePair[] pairs = Pairs(share: true, 140);
        MemoryPlan plan =
            new MemoryPlanner(() => backend.DryRun(DType.F32), Qwen2, scope)
                .Plan(recompute, MicroBatchExtent.Of([PairGroup.Each(pairs)], 100, true));
        using RewardModel model = Model(backend, Qwen2, scope, recompute);
        model.ReserveActivations(plan.Activations.Peak);
        Train(model, pairs, share: true);
        Assert.Equal(plan.Activations, model.Activations);
        Assert.InRange(backend.PeakAllocatedBytes, plan.Total * 85 / 100, plan.Total);
    }

    // Memory of the largest micro-batch must bound that of smaller ones, although splits of sums change with the number of rows.
    [Fact]
    public void A_plan_covers_smaller_micro_batches()
    {
        var planner = new MemoryPlanner(static () => new CudaDryRun(), ModelShapes.Get("qwen2.5-0.5b"), Lora);
        MemoryPlan whole = planner.Plan(Recompute.Full, new MicroBatchExtent(4096, 16, 512, SharePrefix: true));
        var random = new Random(5);
        for (int i = 0; i < 40; i++)
        {
            int tokens = i < 10 ? 4096 - i : random.Next(64, 4096);
            MemoryPlan part = planner.Plan(Recompute.Full, new MicroBatchExtent(tokens, random.Next(1, 17), 64, random.Next(2) == 0));
            Assert.True(part.Total <= whole.Total, $"{part} takes more than {whole}");
        }
    }

    [Fact]
    public void Qwen2_5_3B_with_8192_tokens_fits_36_GB_and_with_full_recompute_13_GB()
    {
        var scope = new TrainingScope(new LoraSettings(4, 32, WeightNames.Modules), TrainsEverything: false);
        var planner = new MemoryPlanner(static () => new CudaDryRun(), ModelShapes.Get("qwen2.5-3b"), scope);
        var extent = MicroBatchExtent.Full(8192, 1024, sharePrefix: true);
        MemoryPlan none = planner.Plan(Recompute.None, extent), full = planner.Plan(Recompute.Full, extent);
        Assert.InRange(none.Total + MemoryPlan.Reserve(36_000_000_000), 30_000_000_000, 36_000_000_000);
        Assert.InRange(full.Total + MemoryPlan.Reserve(13_000_000_000), 7_000_000_000, 13_000_000_000);

        // 36 layers keep 92 KB a token; weights are 2 bytes each.
        Assert.InRange(none.Activations.Kept / (36 * 8192.0), 88_000, 93_000);
        Assert.InRange(none.Weights / 2e9, 3.08, 3.09);
    }

    [Fact]
    public void A_dry_run_leaves_the_thread_and_the_device_as_they_were()
    {
        using CudaBackend backend = EmulatedDevice.Open(DType.BF16);
        long free = backend.FreeMemory;
        MemoryPlan plan = new MemoryPlanner(() => backend.DryRun(DType.F32), ModelShapes.Get("llama3.1-8b"), Lora).Plan(
            Recompute.None, MicroBatchExtent.Full(4096, 512, true));
        Assert.True(plan.Total > 30_000_000_000, $"{plan}");
        Assert.Equal(free, backend.FreeMemory);
        using RewardModel model = Model(backend, Qwen2, Lora, Recompute.None);
        Assert.Contains(Train(model, Pairs(true, 30), share: true).Rewards, r => r != 0);
    }

    internal static PreferencePair[] Pairs(bool share, params int[] packedTokens)
    {
        var random = new Random(3);
        int[] Take(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(1, 300))];
        return [.. packedTokens.Select((tokens, i) =>
        {
            int[] prefix = Take(tokens / 3);
            int tail = (tokens - ((share ? 1 : 2) * prefix.Length)) / 2;
            return PreferencePair.FromIds([.. prefix, .. Take(tail)], [.. prefix, .. Take(tail)], i);
        })];
    }

    internal static RewardModel Model(IBackend backend, ModelConfig config, TrainingScope scope, Recompute recompute)
    {
        var model = new RewardModel(backend, config, new RandomWeights(1), scope, training: true, recompute);
        ParameterInitializer.InitializeLora(model.Parameters, seed: 1);
        ParameterInitializer.InitializeHead(model.Parameters, 0.02, seed: 1);
        return model;
    }

    private static ActivationMemory Step(
        IBackend backend, ModelConfig config, TrainingScope scope, Recompute recompute, IReadOnlyList<PreferencePair> pairs, bool share)
    {
        using RewardModel model = Model(backend, config, scope, recompute);
        model.Parameters.ZeroGradients();
        foreach (MicroBatch micro in MicroBatch.Cut(pairs, 64, share))
        {
            Train(model, micro.Pairs, share);
        }

        Assert.True(backend.Norm(model.Parameters.Gradients) > 0);
        return model.Activations;
    }

    private static MicroBatchResult Train(RewardModel model, IReadOnlyList<PreferencePair> pairs, bool share)
    {
        float[] targets = [.. pairs.Select(_ => 1f)];
        return model.Train(
            PairPacking.Pack(pairs, share), new PairTargets(targets, targets), new PairLossOptions(), 1f / pairs.Count, dropoutSeed: 9);
    }
}
