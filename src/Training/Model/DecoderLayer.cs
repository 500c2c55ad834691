using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>
/// One decoder layer: (norm,) what mixes tokens (<see cref="TokenMixer"/>: attention or a gated delta net), output linear (, norm) +
/// residual, (norm,) what sees one token at a time (<see cref="FeedForward"/>: an MLP or a mixture of experts) (, norm) + residual. Which
/// of the norms there are, and all constants, is the family's (<see cref="ModelFamily"/>). The last layer is pruned: everything after the
/// mixer for the reward rows only. Backward stands below forward, in reverse order.
/// </summary>
internal sealed class DecoderLayer : IDisposable
{
    private readonly ModelConfig _config;
    private readonly bool _pruned;
    private readonly NormLayer? _inputNorm;
    private readonly NormLayer? _attentionNorm;
    private readonly NormLayer? _mlpInputNorm;
    private readonly NormLayer? _mlpNorm;
    private readonly TokenMixer _mixer;
    private readonly LinearLayer _output;
    private readonly FeedForward _feedForward;

    public DecoderLayer(ParameterLayoutBuilder layout, ModelConfig config, TrainingScope scope, int index, bool pruned)
    {
        _config = config;
        _pruned = pruned;
        NormLayer Norm(string name, int size) => new(layout, config, scope, name, size);
        NormLayer? LayerNorm(string? name) => name is null ? null : Norm(WeightNames.LayerNorm(index, name), config.HiddenSize);

        LayerNormNames names = config.Family.NormNames;
        _inputNorm = LayerNorm(names.BeforeAttention);
        _mixer = config.IsDeltaLayer(index)
            ? new DeltaNetMixer(layout, config, scope, index, pruned)
            : new AttentionMixer(layout, config, scope, index, pruned);
        _output = new LinearLayer(layout, config, scope, index, LinearSlice.Whole(config, _mixer.OutputModule));
        _attentionNorm = LayerNorm(names.AfterAttention);
        _mlpInputNorm = LayerNorm(names.BeforeMlp);
        _feedForward = config.IsMixtureLayer(index)
            ? new MixtureFeedForward(layout, config, scope, index)
            : new DenseFeedForward(layout, config, scope, index);
        _mlpNorm = LayerNorm(names.AfterMlp);
    }

    /// <summary>Whether anything in the layer is trained.</summary>
    public bool IsTrained => _mixer.IsTrained || _output.IsTrained || _feedForward.IsTrained || Norms.Any(n => n.IsTrained);

    private IEnumerable<NormLayer> Norms => new[] { _inputNorm, _attentionNorm, _mlpInputNorm, _mlpNorm }.OfType<NormLayer>();

    /// <summary>
    /// Fills the weights. <paramref name="trainedBelow"/>: whether a gradient must leave the layer downwards; <paramref name="frozen"/>:
    /// the layer of another model whose frozen matrices are used too.
    /// </summary>
    public void Load(
        IBackend backend, ParameterBuffer parameters, IWeightSource source, bool training, bool trainedBelow, DecoderLayer? frozen = null)
    {
        bool needsInputGradient = training && (trainedBelow || (_inputNorm?.IsTrained ?? false));
        foreach (NormLayer norm in Norms)
        {
            norm.Load(backend, parameters, source);
        }

        _mixer.Load(backend, parameters, source, needsInputGradient, frozen?._mixer);
        _output.Load(backend, parameters, source, training, frozen?._output);
        _feedForward.Load(backend, parameters, source, training, frozen?._feedForward);
    }

    /// <summary>
    /// y <c>[T, C]</c> (pruned: <c>[R, C]</c>) = the layer of x <c>[T, C]</c>. Returns what backward needs; it lives in the arena until the
    /// caller releases it, and may be released at once when no backward follows.
    /// </summary>
    public LayerActivations Forward(ModelContext c, Tensor x, Tensor y)
    {
        int rows = y.Rows;
        int[]? queryRows = _pruned ? c.RewardRows : null;
        LayerActivations a = Allocate(c, x, rows);

        // With selective recompute, what follows in the arena is given back at the end: backward makes it again from what is kept.
        long mark = c.Arena.Mark;
        Tensor norm1 = NormOf(c, _inputNorm, x, a.Rstd1);
        _mixer.Forward(c, a.Mixer, norm1);
        Tensor residual = _pruned ? c.GatherRewardRows(x) : x;
        AddBranch(
            c, (added, output) => _output.Forward(c, a.Mixer.Mixed, added, output, a.KeptOutput, queryRows), _attentionNorm, residual,
            a.Middle, a.AttentionOutput, a.RstdAttention);

        Tensor norm2 = NormOf(c, _mlpInputNorm, a.Middle, a.Rstd2);
        AddBranch(
            c, (added, output) => _feedForward.Forward(c, a.FeedForward, norm2, added, output, queryRows), _mlpNorm, a.Middle, y,
            a.MlpOutput, a.RstdMlp);
        if (c.Recompute != Recompute.Selective)
        {
            (a.Norm1, a.Norm2) = (norm1, norm2);
        }
        else
        {
            c.Arena.Release(mark);
        }

        return a;
    }

    /// <summary>
    /// Adds the layer's parameter gradients. <paramref name="dY"/> (shape of forward's y) is overwritten. <paramref name="dX"/> <c>[T,
    /// C]</c> is assigned when the caller needs it; it may be <paramref name="dY"/> itself unless the layer is pruned.
    /// </summary>
    public void Backward(ModelContext c, LayerActivations a, Tensor dY, Tensor? dX)
    {
        long mark = c.Arena.Mark;
        int tokens = c.TokenCount, rows = dY.Rows, hidden = dY.Columns;
        int[]? queryRows = _pruned ? c.RewardRows : null;

        long mlpMark = c.Arena.Mark;
        _feedForward.Backward(c, a.FeedForward, BranchGradient(c, _mlpNorm, dY, a.MlpOutput, a.RstdMlp), queryRows);
        c.Arena.Release(mlpMark);
        Tensor dNorm2 = c.Activation(rows, hidden);
        _feedForward.BackwardInput(c, a.FeedForward, Normed(c, _mlpInputNorm, a.Norm2, a.Middle), dNorm2, queryRows);
        Tensor dMiddle = dY;
        AddInputGradient(c, _mlpInputNorm, dNorm2, a.Middle, a.Rstd2, dResidual: dY, dX: dMiddle);

        Tensor dMixed = c.Activation(rows, a.Mixer.Mixed.Columns);
        _output.Backward(
            c, BranchGradient(c, _attentionNorm, dMiddle, a.AttentionOutput, a.RstdAttention), a.Mixer.Mixed, a.KeptOutput, dMixed,
            queryRows);
        _mixer.Backward(c, a.Mixer, dMixed);

        Tensor? dNorm1 = dX is not null || (_inputNorm?.IsTrained ?? false) ? c.Activation(tokens, hidden) : null;
        Tensor dResidual = dMiddle;
        Tensor norm1 = Normed(c, _inputNorm, a.Norm1, a.X);
        _mixer.BackwardProjections(c, a.Mixer, norm1, dNorm1);
        if (_pruned && dNorm1 is not null)
        {
            dResidual = c.Activation(tokens, hidden);
            c.Backend.Fill(dResidual, 0);
            c.Backend.ScatterAddRows(new ScatterAddRowsArgs(dMiddle, c.RewardRows, dResidual));
        }

        if (dNorm1 is { } dNorm)
        {
            AddInputGradient(c, _inputNorm, dNorm, a.X, a.Rstd1, dResidual, dX ?? dNorm);
        }

        c.Arena.Release(mark);
    }

    /// <summary>Brings derived forms of trained weights up to date.</summary>
    public void Refresh(IBackend backend)
    {
        _mixer.Refresh(backend);
        _output.Refresh(backend);
        _feedForward.Refresh(backend);

        foreach (NormLayer norm in Norms)
        {
            norm.Refresh(backend);
        }
    }

    public void Dispose()
    {
        _mixer.Dispose();
        _output.Dispose();
        _feedForward.Dispose();
        foreach (NormLayer norm in Norms)
        {
            norm.Dispose();
        }
    }

    // Everything that backward needs and that is not made again, in one run of the arena.
    private LayerActivations Allocate(ModelContext c, Tensor x, int rows)
    {
        int tokens = c.TokenCount, hidden = x.Columns;
        var a = new LayerActivations
        {
            X = x,
            Rstd1 = c.Float(1, tokens),
            Rstd2 = c.Float(1, rows),
            Mixer = _mixer.Allocate(c),
        };
        if (_attentionNorm is not null)
        {
            a.AttentionOutput = c.Activation(rows, hidden);
            a.RstdAttention = c.Float(1, rows);
            a.MlpOutput = c.Activation(rows, hidden);
            a.RstdMlp = c.Float(1, rows);
        }

        a.Middle = c.Activation(rows, hidden);
        a.KeptOutput = _output.Allocate(c, rows);
        a.FeedForward = _feedForward.Allocate(c, rows);
        return a;
    }

    // y = residual + factor * (norm of) what the branch computes, which adds the residual itself where it can.
    private void AddBranch(
        ModelContext c, Action<Tensor?, Tensor> compute, NormLayer? norm, Tensor residual, Tensor y, Tensor output, Tensor rstd)
    {
        if (norm is null && _config.ResidualScale == 1)
        {
            compute(residual, y);
            return;
        }

        compute(null, norm is null ? y : output);
        norm?.Forward(c, output, y, rstd);
        c.Backend.ScaleAdd(new ScaleAddArgs(y, _config.ResidualScale, residual, y));
    }

    // The gradient of the layer's product from that of the sum, which stays as it is for the residual.
    private Tensor BranchGradient(ModelContext c, NormLayer? norm, Tensor dY, Tensor output, Tensor rstd)
    {
        if (norm is null && _config.ResidualScale == 1)
        {
            return dY;
        }

        Tensor dBranch = c.Activation(dY.Rows, dY.Columns);
        if (norm is null || _config.ResidualScale != 1)
        {
            c.Backend.ScaleAdd(new ScaleAddArgs(dY, _config.ResidualScale, Z: null, dBranch));
        }

        norm?.Backward(c, _config.ResidualScale == 1 ? dY : dBranch, output, rstd, dResidual: null, dBranch);
        return dBranch;
    }

    private static Tensor NormOf(ModelContext c, NormLayer? norm, Tensor x, Tensor rstd)
    {
        if (norm is null)
        {
            return x;
        }

        Tensor normed = c.Activation(x.Rows, x.Columns);
        norm.Forward(c, x, normed, rstd);
        return normed;
    }

    // dX = dResidual + the gradient that comes through the norm, where there is one.
    private static void AddInputGradient(
        ModelContext c, NormLayer? norm, Tensor dNormed, Tensor x, Tensor rstd, Tensor dResidual, Tensor dX)
    {
        if (norm is not null)
        {
            norm.Backward(c, dNormed, x, rstd, dResidual, dX);
            return;
        }

        c.Backend.ScaleAdd(new ScaleAddArgs(dNormed, 1, dResidual, dX));
    }

    private static Tensor Normed(ModelContext c, NormLayer? norm, Tensor? kept, Tensor x) =>
        kept ?? NormOf(c, norm, x, norm is null ? default : c.Float(1, x.Rows));
}
