using Rm.Formats;
using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>
/// A decoder language model with a scalar head on the last token of each sequence: forward, and backward with respect to what is trained.
/// Written once against <see cref="IBackend"/>; a micro-batch is one packed row of tokens.
/// </summary>
public sealed class RewardModel : IDisposable
{
    private readonly TensorArena _arena;
    private readonly Dictionary<RopeSettings, RopeTableMaker> _ropes;
    private readonly EmbeddingLayer _embedding;
    private readonly DecoderLayer[] _layers;
    private readonly NormLayer _finalNorm;
    private readonly long _headOffset;
    private readonly int _lowestTrained;
    private long _layerBytes;
    private long _keptBytes;

    /// <summary>
    /// Builds the model and loads its pretrained weights; LoRA factors and the head are left zero for <see cref="ParameterInitializer"/>.
    /// </summary>
    /// <param name="backend">Device; not owned.</param>
    /// <param name="config">Architecture.</param>
    /// <param name="source">Pretrained weights.</param>
    /// <param name="scope">What is trained.</param>
    /// <param name="training">Whether gradients and optimizer state are allocated.</param>
    /// <param name="recompute">What backward computes again.</param>
    /// <param name="frozen">
    /// A model of the same checkpoint on the same device whose frozen weights this one uses too, instead of loading them again; it must
    /// outlive this one. What either trains is its own. For scoring only.
    /// </param>
    public RewardModel(
        IBackend backend, ModelConfig config, IWeightSource source, TrainingScope scope, bool training,
        Recompute recompute = Recompute.Selective,
        RewardModel? frozen = null)
    {
        if (frozen is not null && (training || scope.TrainsEverything || frozen.Scope.TrainsEverything))
        {
            throw new ArgumentException(
                "Frozen weights can be shared by models that score and train no weights of their own.", nameof(frozen));
        }

        if ((config.DeltaNet is not null || config.Family.GatesAttention) && backend.DeltaNets is null)
        {
            throw new UserInputException(
                $"{config.Family.ModelType} has layers with gated delta nets, which {backend.Description} does not run. Use --device cpu.");
        }

        if (config.Experts is not null && backend.Experts is null)
        {
            throw new UserInputException(
                $"{config.Family.ModelType} has mixtures of experts, which {backend.Description} has no operations for. Use --device cpu.");
        }

        Backend = backend;
        Config = config;
        Scope = scope;
        Recompute = recompute;
        _arena = backend.CreateArena();
        _ropes = Enumerable.Range(0, config.Layers).Select(config.RopeOf).OfType<RopeSettings>().Distinct()
            .ToDictionary(rope => rope, rope => new RopeTableMaker(rope, config));

        var layout = new ParameterLayoutBuilder();
        _embedding = new EmbeddingLayer(layout, config, scope);
        _layers =
            [.. Enumerable.Range(0, config.Layers).Select(i => new DecoderLayer(layout, config, scope, i, pruned: i == config.Layers - 1))];
        _finalNorm = new NormLayer(layout, config, scope, WeightNames.FinalNorm, config.HiddenSize);
        _headOffset = layout.AddBlock(ParameterKind.Head, config.HiddenSize, [(WeightNames.Score, 1)]);
        Parameters = new ParameterBuffer(backend, layout.Parameters, layout.Length, layout.HeadStart, training);

        _embedding.Load(backend, Parameters, source, frozen?._embedding);
        _lowestTrained = _embedding.IsTrained ? 0 : Array.FindIndex(_layers, l => l.IsTrained);
        for (int i = 0; i < _layers.Length; i++)
        {
            _layers[i].Load(backend, Parameters, source, training, trainedBelow: NeedsGradientBelow(i), frozen?._layers[i]);
        }

        _finalNorm.Load(backend, Parameters, source);
        if (source.Contains(WeightNames.Score))
        {
            float[] head = new float[config.HiddenSize];
            source.Read(WeightNames.Score, 0, head);
            backend.Upload<float>(head, Head);
            HasPretrainedHead = true;
        }
    }

    /// <summary>Device.</summary>
    public IBackend Backend { get; }

    /// <summary>Architecture.</summary>
    public ModelConfig Config { get; }

    /// <summary>What is trained.</summary>
    public TrainingScope Scope { get; }

    /// <summary>What backward computes again.</summary>
    public Recompute Recompute { get; }

    /// <summary>Everything under training.</summary>
    public ParameterBuffer Parameters { get; }

    /// <summary>Whether the checkpoint brought a head; without one it must be initialised.</summary>
    public bool HasPretrainedHead { get; }

    /// <summary>What activations and temporaries have taken so far.</summary>
    public ActivationMemory Activations => new(_layerBytes, _keptBytes, _arena.PeakBytes);

    private Tensor Head => Parameters.ValueView(_headOffset, new Shape(Config.HiddenSize));

    /// <summary>Rewards of the layout's sequences, in the order they were added.</summary>
    public float[] Score(SequenceLayout layout)
    {
        long mark = _arena.Mark;
        try
        {
            using ModelContext c = Open(layout, dropoutSeed: null);
            Tensor normed = Forward(c, kept: null, out _, out _);
            return Fetch(Rewards(c, normed));
        }
        finally
        {
            _arena.Release(mark);
        }
    }

    /// <summary>Obtains the planned memory of activations and temporaries in one piece.</summary>
    public void ReserveActivations(long bytes) => _arena.Reserve(bytes);

    /// <summary>Gives memory back to the device that no micro-batch is using: after one that did not fit, for others to try.</summary>
    public void TrimActivations() => _arena.Trim();

    /// <summary>
    /// Forward and backward of a micro-batch of pairs or rankings: adds its gradients and returns its rewards and losses. When it fails,
    /// some gradients may have been added.
    /// </summary>
    public MicroBatchResult Train(SequenceLayout layout, PairTargets targets, PairLossOptions options, float normalizer, ulong? dropoutSeed)
    {
        long mark = _arena.Mark;
        try
        {
            return TrainInArena(layout, targets, options, normalizer, dropoutSeed);
        }
        finally
        {
            _arena.Release(mark);
        }
    }

    /// <summary>Fills the frozen embedding with other values; a table that another model owns stays as it is.</summary>
    internal void ReplaceEmbedding(ReadElements read) => _embedding.Replace(Backend, read);

    /// <summary>Brings derived forms of trained weights up to date after an optimizer step.</summary>
    public void Refresh()
    {
        foreach (DecoderLayer layer in _layers)
        {
            layer.Refresh(Backend);
        }

        _finalNorm.Refresh(Backend);
        _embedding.Refresh(Backend);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (DecoderLayer layer in _layers)
        {
            layer.Dispose();
        }

        _finalNorm.Dispose();
        _embedding.Dispose();
        Parameters.Dispose();
        _arena.Dispose();
    }

    private MicroBatchResult TrainInArena(
        SequenceLayout layout, PairTargets targets, PairLossOptions options, float normalizer, ulong? dropoutSeed)
    {
        using ModelContext c = Open(layout, dropoutSeed);
        var kept = new KeptForward(_layers.Length);
        Tensor normed = Forward(c, kept, out Tensor last, out Tensor rstd);
        Tensor rewards = Rewards(c, normed);
        Tensor losses = c.Float(1, targets.Rankings?.Count ?? (rewards.Columns / 2)), dRewards = c.Float(1, rewards.Columns);
        Tensor? margins = UploadOptional(c, targets.Margins), weights = UploadOptional(c, targets.Weights);
        if (targets.Rankings is { } rankings)
        {
            Backend.RankingLoss(
                new RankingLossArgs(rewards, rankings, targets.Kind, margins, weights, options, normalizer, losses, dRewards));
        }
        else
        {
            Backend.PairLoss(new PairLossArgs(rewards, margins, weights, options, normalizer, losses, dRewards));
        }

        Backward(c, kept, normed, last, rstd, dRewards);

        // Both at the end: in between, a GPU would stand still until the host has queued the backward pass.
        return new MicroBatchResult(Fetch(rewards), Fetch(losses));
    }

    private ModelContext Open(SequenceLayout layout, ulong? dropoutSeed)
    {
        // A prefix that two sequences of unlike length share would need two sets of keys.
        PreparedLayout prepared = Backend.Prepare(Config.RopeDependsOnLength ? layout.WithoutSharing() : layout);
        return new ModelContext
        {
            Backend = Backend,
            Arena = _arena,
            Layout = prepared,
            Ropes = _ropes.ToDictionary(rope => rope.Key, rope => rope.Value.Make(Backend, _arena, prepared)),
            DropoutSeed = dropoutSeed,
            Recompute = Recompute,
        };
    }

    /// <summary>Final norm of the reward rows, <c>[R, C]</c>; <paramref name="last"/> is what was normed.</summary>
    private Tensor Forward(ModelContext c, KeptForward? kept, out Tensor last, out Tensor rstd)
    {
        int tokens = c.TokenCount, rewards = c.RewardRows.Length;
        Tensor x = c.Activation(tokens, Config.HiddenSize);
        _embedding.Forward(c, x);

        // Without backward two buffers take turns as input and output of the layers.
        Tensor other = kept is null ? c.Activation(tokens, Config.HiddenSize) : default;
        for (int i = 0; i < _layers.Length; i++)
        {
            using ProfilerRange range = new("forward of layer"u8, i);
            bool isLast = i == _layers.Length - 1;
            Tensor y = isLast ? c.Activation(rewards, Config.HiddenSize) : kept is null ? other : c.Activation(tokens, Config.HiddenSize);
            long mark = c.Arena.Mark, used = c.Arena.UsedBytes;
            LayerActivations activations = _layers[i].Forward(c, x, y);
            if (kept is not null && i >= _lowestTrained && Recompute != Recompute.Full)
            {
                kept.Activations[i] = activations;
                _layerBytes = Math.Max(_layerBytes, c.Arena.UsedBytes - used);
            }
            else
            {
                c.Arena.Release(mark);
            }

            if (kept is not null)
            {
                kept.Inputs[i] = x;
            }

            (x, other) = (y, x);
        }

        _keptBytes = kept is null ? _keptBytes : Math.Max(_keptBytes, c.Arena.UsedBytes);
        last = x;
        Tensor normed = c.Activation(rewards, Config.HiddenSize);
        rstd = c.Float(1, rewards);
        _finalNorm.Forward(c, x, normed, rstd);
        return normed;
    }

    private Tensor Rewards(ModelContext c, Tensor normed)
    {
        Tensor rewards = c.Float(1, normed.Rows);
        Backend.RewardHeadForward(new RewardHeadForwardArgs(normed, Head, rewards));
        return rewards;
    }

    private float[] Fetch(Tensor row)
    {
        float[] values = new float[row.Columns];
        Backend.Download<float>(row, values);
        return values;
    }

    private void Backward(ModelContext c, KeptForward kept, Tensor normed, Tensor last, Tensor rstd, Tensor dRewards)
    {
        Tensor dLast = c.Activation(normed.Rows, Config.HiddenSize);
        Backend.RewardHeadBackward(
            new RewardHeadBackwardArgs(dRewards, normed, Head, dLast, Parameters.GradientView(_headOffset, new Shape(Config.HiddenSize))));
        bool nothingBelow = _lowestTrained < 0;
        if (nothingBelow && !_finalNorm.IsTrained)
        {
            return;
        }

        _finalNorm.Backward(c, dLast, last, rstd, dResidual: null, dX: dLast);
        if (nothingBelow)
        {
            return;
        }

        Tensor running = dLast;
        for (int i = _layers.Length - 1; i >= _lowestTrained; i--)
        {
            using ProfilerRange range = new("backward of layer"u8, i);
            bool isLast = i == _layers.Length - 1;
            Tensor? dX = null;
            if (NeedsGradientBelow(i))
            {
                dX = isLast ? c.Activation(c.TokenCount, Config.HiddenSize) : running;
            }

            long mark = c.Arena.Mark;
            LayerActivations activations = kept.Activations[i] ?? Recomputed(c, kept, i, isLast);
            _layers[i].Backward(c, activations, running, dX);
            c.Arena.Release(mark);
            running = dX ?? running;
        }

        if (_embedding.IsTrained)
        {
            _embedding.Backward(c, running);
        }
    }

    private LayerActivations Recomputed(ModelContext c, KeptForward kept, int index, bool isLast)
    {
        Tensor y = c.Activation(isLast ? c.RewardRows.Length : c.TokenCount, Config.HiddenSize);
        return _layers[index].Forward(c, kept.Inputs[index], y);
    }

    private bool NeedsGradientBelow(int layer) => _embedding.IsTrained || (_lowestTrained >= 0 && layer > _lowestTrained);

    private static Tensor? UploadOptional(ModelContext c, float[]? values)
    {
        if (values is null)
        {
            return null;
        }

        Tensor tensor = c.Float(1, values.Length);
        c.Backend.Upload<float>(values, tensor);
        return tensor;
    }

    /// <summary>Layer inputs, and activations where they are kept.</summary>
    private sealed class KeptForward(int layers)
    {
        public Tensor[] Inputs { get; } = new Tensor[layers];

        public LayerActivations?[] Activations { get; } = new LayerActivations?[layers];
    }
}
