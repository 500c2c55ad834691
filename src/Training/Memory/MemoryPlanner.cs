using Rm.Formats;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;
using Rm.Training.Batching;
using Rm.Training.Model;

namespace Rm.Training.Memory;

/// <summary>
/// Plans memory by a dry run: the model is built and one step runs on a backend that only counts, so the plan is made by the code that will
/// allocate, and there is no second description of activations that could differ from it.
/// </summary>
/// <param name="begin">Makes a dry run of the device.</param>
/// <param name="config">Architecture.</param>
/// <param name="scope">What is trained.</param>
/// <param name="weights">The weights' forms; null: all are stored plainly.</param>
public sealed class MemoryPlanner(Func<IDryRun> begin, ModelConfig config, TrainingScope scope, IWeightSource? weights = null)
{
    /// <summary>The plan of a run.</summary>
    /// <param name="recompute">What backward computes again.</param>
    /// <param name="training">Largest micro-batch of training.</param>
    /// <param name="scoring">Largest micro-batch of evaluations, or null without.</param>
    /// <exception cref="UserInputException">A micro-batch is larger than backends can address.</exception>
    public MemoryPlan Plan(Recompute recompute, MicroBatchExtent training, MicroBatchExtent? scoring = null)
    {
        try
        {
            return DryRun(recompute, training, scoring);
        }
        catch (OverflowException)
        {
            throw new UserInputException(
                $"A micro-batch of {Math.Max(training.Tokens, scoring?.Tokens ?? 0)} packed tokens is larger than the operations can "
                    + $"address. Lower "
                + "--micro-token-budget or, if a single pair is that long, --max-seq-len.");
        }
    }

    private MemoryPlan DryRun(Recompute recompute, MicroBatchExtent training, MicroBatchExtent? scoring)
    {
        using IDryRun dryRun = begin();
        IBackend backend = dryRun.Backend;
        using var model = new RewardModel(backend, config, weights ?? DryRunWeights.Plain, scope, training: true, recompute);
        long persistent = dryRun.AllocatedBytes, loading = dryRun.PeakAllocatedBytes;
        ParameterBuffer parameters = model.Parameters;
        long optimizer = 4 * parameters.Values.Shape.Count * DType.F32.Size();

        parameters.ZeroGradients();
        float[] targets = new float[training.Pairs];
        model.Train(
            training.Layout(config.VocabSize), new PairTargets(targets, targets), new PairLossOptions(), normalizer: 1, dropoutSeed: 1);
        backend.Norm(parameters.Gradients);
        backend.AdamW(new AdamWArgs(
            parameters.Values, parameters.Gradients, parameters.FirstMoment, parameters.SecondMoment,
            [new AdamWGroup(0, parameters.Length, LearningRate: 0, WeightDecay: 0)], Step: 1, GradientScale: 1));
        model.Refresh();
        if (scoring is not null)
        {
            model.Score(scoring.Layout(config.VocabSize));
        }

        return new MemoryPlan(
            recompute, training, config.Layers, persistent - optimizer, optimizer, model.Activations, dryRun.AllocatedBytes - persistent,
            loading,
            dryRun.StagingBytes);
    }
}
