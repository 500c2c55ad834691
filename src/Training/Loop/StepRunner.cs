using Rm.Formats.RandomNumbers;
using Rm.Formats.Rendering;
using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;
using Rm.Training.Batching;
using Rm.Training.Evaluation;
using Rm.Training.Model;

namespace Rm.Training.Loop;

/// <summary>
/// One optimizer step: the micro-batches of a batch, the gradient's norm and clipping, AdamW. Knows nothing of files or evaluation.
/// </summary>
public sealed class StepRunner
{
    private readonly RewardModel _model;
    private readonly TrainingOptions _options;
    private readonly MicroBatchSplitter _splitter;

    /// <summary>A runner for a model opened for training.</summary>
    /// <param name="model">Model.</param>
    /// <param name="options">Settings.</param>
    /// <param name="log">Takes a line when a micro-batch did not fit and was split; null for none.</param>
    public StepRunner(RewardModel model, TrainingOptions options, Action<string>? log = null)
    {
        _model = model;
        _options = options;
        _splitter = new MicroBatchSplitter(options.MicroTokenBudget, options.SharePrefix, model.Recompute, log);
    }

    /// <summary>The same for a batch whose loss is the mean over its pairs.</summary>
    public StepResult Run(int step, IReadOnlyList<PreferencePair> batch) => Run(step, new TrainingBatch(batch));

    /// <summary>
    /// Runs update number <paramref name="step"/> (from 0) on <paramref name="batch"/>. Parameters change unless the loss or the gradient
    /// is not finite, which <see cref="NonFiniteException"/> reports, or the device's memory does not suffice (<see
    /// cref="MemoryExhaustedException"/>).
    /// </summary>
    public StepResult Run(int step, TrainingBatch batch)
    {
        using ProfilerRange stepRange = new("step"u8, step + 1);
        (PairRewards rewards, double loss, long packedTokens) = Accumulate(step, batch);
        double norm = _model.Backend.Norm(_model.Parameters.Gradients);
        if (!double.IsFinite(norm))
        {
            throw NonFiniteException.InStep("gradient", step + 1, batch.Pairs);
        }

        double factor = _options.Schedule.Factor(step);
        Update(step, factor, norm);
        long tokens = batch.Groups.Sum(group => group.Tokens);
        return new StepResult(loss, norm, _options.LearningRate * factor, rewards, tokens, packedTokens) { GroupSizes = batch.GroupSizes };
    }

    private (PairRewards Rewards, double Loss, long PackedTokens) Accumulate(int step, TrainingBatch batch)
    {
        List<MicroBatchSplitter.Piece> pieces = _splitter.Cut(batch.Groups);
        float[]? weights = batch.Weights();
        int piece = 0;
        while (true)
        {
            try
            {
                return Accumulate(step, batch, weights, pieces, ref piece);
            }
            catch (Exception e) when (_model.Backend.IsOutOfMemory(e))
            {
                // What the piece has added to the gradients already cannot be told apart: all pieces are computed again.
                _model.TrimActivations();
                _splitter.Split(pieces, piece, step + 1, e);
            }
        }
    }

    // piece: the one that is being computed, for when it fails.
    private (PairRewards Rewards, double Loss, long PackedTokens) Accumulate(
        int step, TrainingBatch batch, float[]? weights, List<MicroBatchSplitter.Piece> pieces, ref int piece)
    {
        _model.Parameters.ZeroGradients();
        var rewards = new PairRewards(batch.Pairs.Count);
        float normalizer = 1f / (batch.Rankings?.Count ?? batch.Pairs.Count);
        double loss = 0;
        long packedTokens = 0;
        ulong? dropoutSeed = _options.DisablesDropout ? null : SplitMix64.Mix(_options.Seed ^ SplitMix64.Mix((ulong)step + 1));
        for (piece = 0; piece < pieces.Count; piece++)
        {
            using ProfilerRange microRange = new("micro-batch"u8, piece + 1);
            MicroBatch micro = pieces[piece].Micro;
            PairTargets targets = batch.Rankings is null
                ? PairPacking.Targets(micro.Pairs, weights.AsSpan(weights is null ? 0 : rewards.Count))
                : PairPacking.RankingTargets(micro.Groups, _options.RankingLoss ?? RankingLossKind.Pairwise);
            MicroBatchResult result =
                _model.Train(PairPacking.Pack(micro.Groups, _options.SharePrefix), targets, _options.Loss, normalizer, dropoutSeed);
            for (int i = 0; i < micro.Groups.Count; i++)
            {
                if (!float.IsFinite(result.Losses[i]))
                {
                    throw NonFiniteException.InStep("loss", step + 1, [micro.Groups[i].Pairs[0]]);
                }

                loss += result.Losses[i];
            }

            rewards.Add(micro.Groups, result.Rewards);
            packedTokens += micro.PackedTokens;
        }

        return (rewards, loss, packedTokens);
    }

    private void Update(int step, double factor, double norm)
    {
        ParameterBuffer parameters = _model.Parameters;

        // PyTorch's clip_grad_norm_: the coefficient is max / (norm + 1e-6), at most 1.
        double clip = _options.MaxGradNorm > 0 ? Math.Min(1, _options.MaxGradNorm / (norm + 1e-6)) : 1;
        _model.Backend.AdamW(new AdamWArgs(
            parameters.Values, parameters.Gradients, parameters.FirstMoment, parameters.SecondMoment,
            ParameterGroups.Of(parameters, _options, factor), step + 1, (float)clip,
            _options.Beta1, _options.Beta2, _options.Epsilon));
        _model.Refresh();
    }
}
