using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>
/// A gated delta net (Yang, Kautz and Hatamizadeh 2024) as Qwen3.5 has it: fused projections qkv, b, a and z, causal convolution of qkv,
/// gated delta rule, norm of each head, times silu(z). Nothing of it depends on positions; a tail goes on where its prefix ended.
/// </summary>
internal sealed class DeltaNetMixer : TokenMixer
{
    private readonly DeltaRuleShape _rule;
    private readonly bool _pruned;
    private readonly LinearLayer _input;
    private readonly NormLayer _norm;
    private readonly PlainParameter _filters;
    private readonly PlainParameter _aLog;
    private readonly PlainParameter _dtBias;

    public DeltaNetMixer(ParameterLayoutBuilder layout, ModelConfig config, TrainingScope scope, int index, bool pruned)
    {
        DeltaNetSizes sizes = config.DeltaNet!;
        _rule = sizes.Rule;
        _pruned = pruned;
        _input = new LinearLayer(
            layout, config, scope, index, LinearSlice.Whole(config, LinearModule.DeltaQkv), LinearSlice.Whole(config, LinearModule.DeltaB),
            LinearSlice.Whole(config, LinearModule.DeltaA), LinearSlice.Whole(config, LinearModule.DeltaZ));
        _filters = new PlainParameter(layout, scope, WeightNames.DeltaConvolution(index), sizes.ConvolutionWidth, _rule.QkvColumns);
        _aLog = new PlainParameter(layout, scope, WeightNames.DeltaALog(index), _rule.ValueHeads);
        _dtBias = new PlainParameter(layout, scope, WeightNames.DeltaDtBias(index), _rule.ValueHeads);
        _norm = new NormLayer(layout, config, scope, WeightNames.DeltaNorm(index), _rule.ValueDim, addsOne: false);
    }

    /// <inheritdoc/>
    public override LinearModule OutputModule => LinearModule.DeltaOut;

    /// <inheritdoc/>
    public override bool IsTrained => base.IsTrained || _filters.IsTrained;

    /// <inheritdoc/>
    protected override IEnumerable<LinearLayer> Linears => [_input];

    /// <inheritdoc/>
    protected override IEnumerable<NormLayer> Norms => [_norm];

    /// <inheritdoc/>
    public override void Load(
        IBackend backend, ParameterBuffer parameters, IWeightSource source, bool needsInputGradient, TokenMixer? frozen)
    {
        base.Load(backend, parameters, source, needsInputGradient, frozen);
        _filters.Load(backend, parameters, source);
        _aLog.Load(backend, parameters, source);
        _dtBias.Load(backend, parameters, source);
    }

    /// <inheritdoc/>
    public override MixerActivations Allocate(ModelContext c)
    {
        int tokens = c.TokenCount;
        var a = new DeltaNetActivations
        {
            Wide = c.Activation(tokens, _input.OutFeatures + _rule.ValueColumns),
            Convolved = c.Activation(tokens, _rule.QkvColumns),
            Output = c.Activation(tokens, _rule.ValueColumns),
            Rstd = c.Float(tokens, _rule.ValueHeads),
            Gated = c.Activation(tokens, _rule.ValueColumns),
            States = c.Float(_rule.ChunkCount(c.Layout.Layout), _rule.StateColumns),
            KeptInput = _input.Allocate(c, tokens),
        };
        a.Mixed = _pruned ? c.Activation(c.RewardRows.Length, _rule.ValueColumns) : a.Gated;
        return a;
    }

    /// <inheritdoc/>
    public override void Forward(ModelContext c, MixerActivations kept, Tensor input)
    {
        var a = (DeltaNetActivations)kept;
        _input.Forward(c, input, null, Projections(a.Wide), a.KeptInput);
        c.DeltaNets.CausalConvForward(new CausalConvForwardArgs(c.Layout, Qkv(a.Wide), _filters.Value, a.Convolved));
        c.DeltaNets.DeltaRuleForward(
            new DeltaRuleForwardArgs(c.Layout, _rule, a.Convolved, A(a.Wide), B(a.Wide), _aLog.Value, _dtBias.Value, a.Output, a.States));
        _norm.ForwardHeads(c, a.Output, Normed(a.Wide), a.Rstd);
        c.Backend.SwiGluForward(new SwiGluForwardArgs(GateAndNormed(a.Wide), a.Gated));
        if (_pruned)
        {
            c.Backend.GatherRows(new GatherRowsArgs(a.Gated, c.RewardRows, a.Mixed));
        }
    }

    /// <inheritdoc/>
    public override void Backward(ModelContext c, MixerActivations kept, Tensor dMixed)
    {
        var a = (DeltaNetActivations)kept;
        Tensor dGated = dMixed;
        if (_pruned)
        {
            dGated = c.Activation(c.TokenCount, _rule.ValueColumns);
            c.Backend.Fill(dGated, 0);
            c.Backend.ScatterAddRows(new ScatterAddRowsArgs(dMixed, c.RewardRows, dGated));
        }

        a.DWide = c.Activation(c.TokenCount, a.Wide.Columns);
        c.Backend.SwiGluBackward(new SwiGluBackwardArgs(dGated, GateAndNormed(a.Wide), GateAndNormed(a.DWide)));
        Tensor dOutput = dGated;
        _norm.BackwardHeads(c, Normed(a.DWide), a.Output, a.Rstd, dOutput);
        Tensor dConvolved = c.Activation(c.TokenCount, _rule.QkvColumns);
        c.DeltaNets.DeltaRuleBackward(new DeltaRuleBackwardArgs(
            c.Layout, _rule, dOutput, a.Convolved, A(a.Wide), B(a.Wide), _aLog.Value, _dtBias.Value, a.States, dConvolved, A(a.DWide),
            B(a.DWide),
            _aLog.Gradient, _dtBias.Gradient, c.Arena));
        c.DeltaNets.CausalConvBackward(
            new CausalConvBackwardArgs(c.Layout, dConvolved, Qkv(a.Wide), _filters.Value, Qkv(a.DWide), _filters.Gradient));
    }

    /// <inheritdoc/>
    public override void BackwardProjections(ModelContext c, MixerActivations kept, Tensor input, Tensor? dInput)
    {
        var a = (DeltaNetActivations)kept;
        _input.Backward(c, Projections(a.DWide), input, a.KeptInput, dInput);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        _filters.Dispose();
        _aLog.Dispose();
        _dtBias.Dispose();
    }

    private Tensor Projections(Tensor wide) => wide.SliceColumns(0, _input.OutFeatures);

    private Tensor Qkv(Tensor wide) => wide.SliceColumns(0, _rule.QkvColumns);

    private Tensor B(Tensor wide) => wide.SliceColumns(_rule.QkvColumns, _rule.ValueHeads);

    private Tensor A(Tensor wide) => wide.SliceColumns(_rule.QkvColumns + _rule.ValueHeads, _rule.ValueHeads);

    private Tensor GateAndNormed(Tensor wide) => wide.SliceColumns(_rule.QkvColumns + (2 * _rule.ValueHeads), 2 * _rule.ValueColumns);

    private Tensor Normed(Tensor wide) => wide.SliceColumns(_input.OutFeatures, _rule.ValueColumns);
}
