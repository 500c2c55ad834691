using Rm.Formats.Rendering;
using Rm.Formats.Safetensors;
using Rm.Host.Tests.Model;
using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Training.Artifacts;
using Rm.Training.Batching;
using Rm.Training.Evaluation;
using Rm.Training.Loop;
using Rm.Training.Model;

namespace Rm.Host.Tests.Training;

/// <summary>Micro-batches that the simulated device has no memory for.</summary>
[Collection("CUDA device")]
public sealed class MicroBatchSplitTests
{
    private static readonly ModelConfig Config = ModelShapes.Get("qwen2.5-0.5b") with
    {
        VocabSize = 300,
        HiddenSize = 128,
        Layers = 2,
        Heads = 4,
        KvHeads = 2,
        HeadDim = 32,
        IntermediateSize = 256,
    };

    private static readonly TrainingScope Lora = new(new LoraSettings(4, 8, WeightNames.Modules, Dropout: 0.1), TrainsEverything: false);

    [Fact]
    public void A_split_micro_batch_gives_the_gradients_of_the_whole_one_and_says_so()
    {
        PreferencePair[] pairs = MemoryPlanTests.Pairs(share: true, 33, 27, 30, 33);
        using CudaBackend backend = EmulatedDevice.Open(DType.BF16);
        using var memory = new EmulatedMemory();
        using RewardModel whole = MemoryPlanTests.Model(backend, Config, Lora, Recompute.None);
        StepResult expected = new StepRunner(whole, Options(steps: 2)).Run(0, pairs);
        long peak = whole.Activations.Peak;

        // Three quarters of what the whole takes: enough for either half.
        using RewardModel split = MemoryPlanTests.Model(backend, Config, Lora, Recompute.None);
        var log = new List<string>();
        var runner = new StepRunner(split, Options(steps: 2), log.Add);
        memory.SetFree(peak * 3 / 4);
        StepResult actual = runner.Run(0, pairs);
        string line = Assert.Single(log);
        Assert.Contains("step 1: a micro-batch of 123 packed tokens in 4 pairs did not fit", line, StringComparison.Ordinal);
        Assert.Contains("CUDA_ERROR_OUT_OF_MEMORY", line, StringComparison.Ordinal);
        Assert.Contains("60 and 63 tokens", line, StringComparison.Ordinal);

        // Rows do not depend on their company; only sums over tokens, in float32, are cut elsewhere.
        Assert.Equal(expected.Rewards.Chosen, actual.Rewards.Chosen);
        Assert.Equal(expected.PackedTokens, actual.PackedTokens);
        float[] first = Gradients(backend, whole), second = Gradients(backend, split);
        double difference = Math.Sqrt(first.Zip(second, (a, b) => Math.Pow((double)a - b, 2)).Sum());
        double norm = Math.Sqrt(first.Sum(g => (double)g * g));
        Assert.InRange(difference / norm, 0, 1e-6);
        Assert.True(norm > 0);

        // The next step splits beforehand.
        runner.Run(1, pairs);
        Assert.Single(log);
    }

    [Fact]
    public void A_single_pair_that_does_not_fit_is_an_error_with_advice()
    {
        PreferencePair[] pairs = MemoryPlanTests.Pairs(share: true, 120);
        using CudaBackend backend = EmulatedDevice.Open(DType.BF16);
        using var memory = new EmulatedMemory();
        using RewardModel model = MemoryPlanTests.Model(backend, Config, Lora, Recompute.Selective);
        float[] before = new float[model.Parameters.Values.Shape.Count];
        backend.Download<float>(model.Parameters.Values, before);
        memory.SetFree(100_000);
        MemoryExhaustedException failure =
            Assert.Throws<MemoryExhaustedException>(() => new StepRunner(model, Options(steps: 1)).Run(0, pairs));
        foreach (string part in new[] { "Step 1", "row #0", "120 packed tokens", "--recompute full", "--max-seq-len" })
        {
            Assert.Contains(part, failure.Message, StringComparison.Ordinal);
        }

        float[] after = new float[before.Length];
        backend.Download<float>(model.Parameters.Values, after);
        Assert.Equal(before, after);
    }

    [Fact]
    public void Half_of_a_micro_batch_is_not_split_again()
    {
        PreferencePair[] pairs = MemoryPlanTests.Pairs(share: true, 33, 27, 30, 33);
        using CudaBackend backend = EmulatedDevice.Open(DType.BF16);
        using var memory = new EmulatedMemory();
        using RewardModel model = MemoryPlanTests.Model(backend, Config, Lora, Recompute.Full);
        memory.SetFree(100_000);
        var log = new List<string>();
        MemoryExhaustedException failure =
            Assert.Throws<MemoryExhaustedException>(() => new StepRunner(model, Options(steps: 1), log.Add).Run(0, pairs));
        Assert.Single(log);
        Assert.Contains("a --micro-token-budget below 60", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("--recompute", failure.Message, StringComparison.Ordinal);
    }

    // Another program takes the device's memory after the first step, and the second step has a longer pair.
    [Fact]
    public void Steps_before_the_one_that_does_not_fit_are_kept_in_a_checkpoint()
    {
        using var scratch = new ScratchFolder();
        using CudaBackend backend = EmulatedDevice.Open(DType.BF16);
        using var memory = new EmulatedMemory();
        using RewardModel model = MemoryPlanTests.Model(backend, Config, Lora, Recompute.Selective);
        PreferencePair[] pairs = MemoryPlanTests.Pairs(share: true, 12, 120);
        using var run = RunDirectory.Open(scratch["out"], ExistingRun.Resume);
        run.Prepare();
        var saver = new ModelSaver(
            model, "base", null, new ArtifactInfo("0", null, null, false, null, 0, "Response"),
            PairPacking.Pack(pairs[..1], sharePrefix: true));
        var store = new CheckpointStore(run.Checkpoints, saver);
        using var signals = new StopSignals();
        var progress = new ShrinkingMemory(memory, bytes: 300_000);
        var job = new TrainingJob(model, Options(steps: 2) with { BatchSize = 1 }, run, store, pairs, [], saver, null);
        TrainingFailedException failure =
            Assert.Throws<TrainingFailedException>(() => new Trainer(job, new TrainerState(), progress, signals).Run());
        Assert.Contains("Step 2", failure.Message, StringComparison.Ordinal);
        Assert.Contains("Step 1 is complete and saved in", failure.Message, StringComparison.Ordinal);
        Assert.Equal(1, Assert.Single(store.List()).Step);
        Assert.True(File.Exists(Path.Combine(store.List()[0].Path, AdapterFiles.Weights)));
    }

    private static float[] Gradients(CudaBackend backend, RewardModel model)
    {
        float[] gradients = new float[model.Parameters.Gradients.Shape.Count];
        backend.Download<float>(model.Parameters.Gradients, gradients);
        return gradients;
    }

    private static TrainingOptions Options(int steps) => new(
        steps, 4, 200, 1e-3, 0, new LearningRateSchedule(ScheduleKind.Constant, 0, steps), 0, new PairLossOptions(), 7,
        ExampleOrder.Sequential);

    private sealed class ShrinkingMemory(EmulatedMemory memory, long bytes) : ITrainingProgress
    {
        public void Step(int step, int steps, StepResult result, double seconds) => memory.SetFree(bytes);

        public void Evaluating(int done, int total)
        {
        }

        public void Evaluated(int step, EvaluationResult result, bool isBest)
        {
        }

        public void Message(string text)
        {
        }
    }
}
