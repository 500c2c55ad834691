using Rm.Host.Data;
using Rm.Host.Evaluation;
using Rm.Host.Model;
using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;

namespace Rm.Host.Training;

/// <summary>
/// One optimizer step: the micro-batches of a batch, the gradient's norm and clipping, AdamW. Knows nothing of files or evaluation.
/// </summary>
public sealed class StepRunner
{
    private readonly RewardModel _model;
    private readonly TrainingOptions _options;

    /// <summary>A runner for a model opened for training.</summary>
    public StepRunner(RewardModel model, TrainingOptions options)
    {
        _model = model;
        _options = options;
    }

    /// <summary>
    /// Runs update number <paramref name="step"/> (from 0) on <paramref name="batch"/>. Parameters change unless the loss or the gradient is not
    /// finite, which <see cref="NonFiniteException"/> reports.
    /// </summary>
    public StepResult Run(int step, IReadOnlyList<PreferencePair> batch)
    {
        using ProfilerRange stepRange = new("step"u8, step + 1);
        _model.Parameters.ZeroGradients();
        var rewards = new PairRewards(batch.Count);
        double loss = 0;
        long packedTokens = 0;
        int microBatches = 0;
        ulong dropoutSeed = SplitMix64.Mix(_options.Seed ^ SplitMix64.Mix((ulong)step + 1));
        foreach (MicroBatch micro in MicroBatch.Cut(batch, _options.MicroTokenBudget, _options.SharePrefix))
        {
            using ProfilerRange microRange = new("micro-batch"u8, ++microBatches);
            SequenceLayout layout = PairPacking.Pack(micro.Pairs, _options.SharePrefix);
            MicroBatchResult result = _model.Train(layout, PairPacking.Targets(micro.Pairs), _options.Loss, 1f / batch.Count, dropoutSeed);
            for (int i = 0; i < micro.Pairs.Count; i++)
            {
                if (!float.IsFinite(result.Losses[i]))
                {
                    throw NonFiniteException.InStep("loss", step + 1, [micro.Pairs[i]]);
                }

                loss += result.Losses[i];
                rewards.Add(result.Rewards[2 * i], result.Rewards[(2 * i) + 1]);
            }

            packedTokens += micro.PackedTokens;
        }

        double norm = _model.Backend.Norm(_model.Parameters.Gradients);
        if (!double.IsFinite(norm))
        {
            throw NonFiniteException.InStep("gradient", step + 1, batch);
        }

        double factor = _options.Schedule.Factor(step);
        Update(step, factor, norm);
        long tokens = batch.Sum(p => (long)p.Chosen.Length + p.Rejected.Length);
        return new StepResult(loss, norm, _options.LearningRate * factor, rewards, tokens, packedTokens);
    }

    private void Update(int step, double factor, double norm)
    {
        ParameterBuffer parameters = _model.Parameters;
        double learningRate = _options.LearningRate * factor;

        // PyTorch's clip_grad_norm_: the coefficient is max / (norm + 1e-6), at most 1.
        double clip = _options.MaxGradNorm > 0 ? Math.Min(1, _options.MaxGradNorm / (norm + 1e-6)) : 1;
        var groups = new List<AdamWGroup>
        {
            new(parameters.HeadStart, parameters.Length - parameters.HeadStart, learningRate, _options.WeightDecay),
        };
        if (parameters.HeadStart > 0)
        {
            groups.Add(new AdamWGroup(
                0, parameters.HeadStart, learningRate * _options.BackboneLearningRateMultiplier, _options.HeadOnlyWeightDecay ? 0 : _options.WeightDecay));
        }

        _model.Backend.AdamW(new AdamWArgs(
            parameters.Values, parameters.Gradients, parameters.FirstMoment, parameters.SecondMoment, groups, step + 1, (float)clip));
        _model.Refresh();
    }
}
