using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>
/// Grouped-query attention: fused QKV, (norms,) rotation, attention (, output gate). In the pruned last layer keys and values are made for
/// all tokens, queries and all behind them for the reward rows only.
/// </summary>
internal sealed class AttentionMixer : TokenMixer
{
    private readonly ModelConfig _config;
    private readonly int _headDim;
    private readonly int _queryColumns;
    private readonly int _keyColumns;
    private readonly int _window;
    private readonly RopeSettings? _rope;
    private readonly bool _pruned;
    private readonly bool _gated;
    private readonly NormLayer? _queryNorm;
    private readonly NormLayer? _keyNorm;
    private readonly LinearLayer? _qkv;
    private readonly LinearLayer? _query;
    private readonly LinearLayer? _keyValue;

    public AttentionMixer(ParameterLayoutBuilder layout, ModelConfig config, TrainingScope scope, int index, bool pruned)
    {
        _config = config;
        _headDim = config.HeadDim;
        _queryColumns = config.Heads * config.HeadDim;
        _keyColumns = config.KvHeads * config.HeadDim;
        _window = config.WindowOf(index);
        _rope = config.RopeOf(index);
        _pruned = pruned;
        _gated = config.Family.GatesAttention;
        LinearLayer Linear(params LinearSlice[] slices) => new(layout, config, scope, index, slices);
        LinearSlice Whole(LinearModule module) => LinearSlice.Whole(config, module);

        // Beside gates, heads of queries are taken out by their stride, which takes a product of their own.
        bool fused = config.Family.FusedProjections;
        if (pruned || _gated)
        {
            _query = Linear(fused ? new LinearSlice(LinearModule.Qkv, 0, _queryColumns) : Whole(LinearModule.Q));
            _keyValue = fused
                ? Linear(new LinearSlice(LinearModule.Qkv, _queryColumns, 2 * _keyColumns))
                : Linear(Whole(LinearModule.K), Whole(LinearModule.V));
        }
        else
        {
            _qkv = fused ? Linear(Whole(LinearModule.Qkv)) : Linear(Whole(LinearModule.Q), Whole(LinearModule.K), Whole(LinearModule.V));
        }

        if (config.QkNorm)
        {
            (int query, int key) = config.QueryKeyNormWidths();
            _queryNorm = new NormLayer(layout, config, scope, WeightNames.QNorm(index), query);
            _keyNorm = new NormLayer(layout, config, scope, WeightNames.KNorm(index), key);
        }
    }

    /// <inheritdoc/>
    public override LinearModule OutputModule => LinearModule.O;

    /// <inheritdoc/>
    protected override IEnumerable<LinearLayer> Linears => new[] { _qkv, _query, _keyValue }.OfType<LinearLayer>();

    /// <inheritdoc/>
    protected override IEnumerable<NormLayer> Norms => new[] { _queryNorm, _keyNorm }.OfType<NormLayer>();

    /// <inheritdoc/>
    public override MixerActivations Allocate(ModelContext c)
    {
        int tokens = c.TokenCount, rows = _pruned ? c.RewardRows.Length : tokens;
        var a = new AttentionActivations();
        if (_qkv is null)
        {
            a.QueryGate = _gated ? c.Activation(rows, 2 * _queryColumns) : default;
            a.RawQuery = _gated ? OfHeads(a.QueryGate, 0) : c.Activation(rows, _queryColumns);
            a.KeyValue = c.Activation(tokens, 2 * _keyColumns);
            a.KeptQuery = _query!.Allocate(c, rows);
            a.KeptQkv = _keyValue!.Allocate(c, tokens);
        }
        else
        {
            a.Qkv = c.Activation(tokens, _queryColumns + (2 * _keyColumns));
            a.RawQuery = a.Qkv.SliceColumns(0, _queryColumns);
            a.KeyValue = a.Qkv.SliceColumns(_queryColumns, 2 * _keyColumns);
            a.KeptQkv = _qkv.Allocate(c, tokens);
        }

        if (_rope is not null)
        {
            a.QueryCosSin = _pruned ? c.Float(rows, c.Ropes[_rope].Query.Columns) : c.Ropes[_rope].Query;
        }

        a.RawKey = a.KeyValue.SliceColumns(0, _keyColumns);
        a.Value = a.KeyValue.SliceColumns(_keyColumns, _keyColumns);
        (a.Query, a.Key) = (a.RawQuery, a.RawKey);
        if (_queryNorm is not null)
        {
            a.Query = c.Activation(rows, _queryColumns);
            a.Key = c.Activation(tokens, _keyColumns);
            (int query, int key) = _config.QueryKeyNormWidths();
            a.RstdQuery = c.Float(rows, _queryColumns / query);
            a.RstdKey = c.Float(tokens, _keyColumns / key);
        }

        a.Attention = c.Activation(rows, _queryColumns);
        a.Lse = c.Float(rows, _queryColumns / _headDim);
        a.Mixed = _gated ? c.Activation(rows, _queryColumns) : a.Attention;
        return a;
    }

    /// <inheritdoc/>
    public override void Forward(ModelContext c, MixerActivations kept, Tensor input)
    {
        var a = (AttentionActivations)kept;
        if (_qkv is null)
        {
            Tensor queryInput = _pruned ? c.GatherRewardRows(input) : input;
            _query!.Forward(c, queryInput, null, _gated ? a.QueryGate : a.RawQuery, a.KeptQuery, QueryRows(c));
            _keyValue!.Forward(c, input, null, a.KeyValue, a.KeptQkv);
            a.QueryInput = c.Recompute != Recompute.Selective ? queryInput : null;
        }
        else
        {
            _qkv.Forward(c, input, null, a.Qkv, a.KeptQkv);
        }

        if (_queryNorm is not null)
        {
            _queryNorm.ForwardHeads(c, a.RawQuery, LikeRaw(a, a.Query), _gated ? Column(a.RstdQuery) : a.RstdQuery);
            _keyNorm!.ForwardHeads(c, a.RawKey, a.Key, a.RstdKey);
        }

        if (_pruned && _rope is not null)
        {
            c.Backend.GatherRows(new GatherRowsArgs(c.Ropes[_rope].Query, c.RewardRows, a.QueryCosSin));
        }

        Rotate(c, a, a.Query, a.Key, inverse: false);
        c.Backend.AttentionForward(
            new AttentionForwardArgs(c.Layout, a.Query, a.Key, a.Value, _headDim, _config.AttentionScale, a.Attention, a.Lse)
            {
                QueryRows = QueryRows(c),
                Window = _window,
                Softcap = _config.AttentionSoftcap,
            });
        if (_gated)
        {
            c.DeltaNets.SigmoidGateForward(
                new SigmoidGateForwardArgs(LikeRaw(a, a.Attention), OfHeads(a.QueryGate, _headDim), LikeRaw(a, a.Mixed)));
        }
    }

    /// <inheritdoc/>
    public override void Backward(ModelContext c, MixerActivations kept, Tensor dMixed)
    {
        var a = (AttentionActivations)kept;
        int tokens = c.TokenCount, rows = dMixed.Rows;
        Tensor dRawQuery = default;
        if (_gated)
        {
            a.DQuery = c.Activation(rows, 2 * _queryColumns);
            dRawQuery = OfHeads(a.DQuery, 0);
            c.DeltaNets.SigmoidGateBackward(new SigmoidGateBackwardArgs(
                LikeRaw(a, dMixed), LikeRaw(a, a.Attention), OfHeads(a.QueryGate, _headDim), LikeRaw(a, dMixed),
                OfHeads(a.DQuery, _headDim)));
        }

        a.DQkv = c.Activation(tokens, (_qkv is null ? 0 : _queryColumns) + (2 * _keyColumns));
        Tensor dQ = _qkv is null ? c.Activation(rows, _queryColumns) : a.DQkv.SliceColumns(0, _queryColumns);
        a.DKeyValue = _qkv is null ? a.DQkv : a.DQkv.SliceColumns(_queryColumns, 2 * _keyColumns);
        Tensor dK = a.DKeyValue.SliceColumns(0, _keyColumns);
        Tensor dV = a.DKeyValue.SliceColumns(_keyColumns, _keyColumns);
        c.Backend.AttentionBackward(
            new AttentionBackwardArgs(
                c.Layout, dMixed, a.Query, a.Key, a.Value, a.Attention, a.Lse, _headDim, _config.AttentionScale, dQ, dK, dV, c.Arena)
            {
                QueryRows = QueryRows(c),
                Window = _window,
                Softcap = _config.AttentionSoftcap,
            });
        Rotate(c, a, dQ, dK, inverse: true);
        if (_queryNorm is not null)
        {
            _queryNorm.BackwardHeads(c, LikeRaw(a, dQ), a.RawQuery, _gated ? Column(a.RstdQuery) : a.RstdQuery, _gated ? dRawQuery : dQ);
            _keyNorm!.BackwardHeads(c, dK, a.RawKey, a.RstdKey, dK);
        }

        a.DQuery = _gated ? a.DQuery : dQ;
    }

    /// <inheritdoc/>
    public override void BackwardProjections(ModelContext c, MixerActivations kept, Tensor input, Tensor? dInput)
    {
        var a = (AttentionActivations)kept;
        if (_qkv is not null)
        {
            _qkv.Backward(c, a.DQkv, input, a.KeptQkv, dInput);
            return;
        }

        _keyValue!.Backward(c, a.DKeyValue, input, a.KeptQkv, dInput);
        Tensor? dQueryInput = dInput is { } d ? c.Activation(a.DQuery.Rows, d.Columns) : null;
        Tensor queryInput = a.QueryInput ?? (_pruned ? c.GatherRewardRows(input) : input);
        _query!.Backward(c, a.DQuery, queryInput, a.KeptQuery, dQueryInput, QueryRows(c));
        if (dInput is not { } target)
        {
            return;
        }

        if (_pruned)
        {
            c.Backend.ScatterAddRows(new ScatterAddRowsArgs(dQueryInput!.Value, c.RewardRows, target));
        }
        else
        {
            c.Backend.ScaleAdd(new ScaleAddArgs(dQueryInput!.Value, 1, target, target));
        }
    }

    private int[]? QueryRows(ModelContext c) => _pruned ? c.RewardRows : null;

    // Beside a gate, a head is a row: [rows, 2 H D] as [rows H, 2 D], of which the first D columns are queries and the others gates.
    private Tensor OfHeads(Tensor queryGate, int first) => queryGate
        .Reshape(new Shape(queryGate.Rows * _config.Heads, 2 * _headDim)).SliceColumns(first, _headDim);

    private Tensor LikeRaw(AttentionActivations a, Tensor heads) => _gated ? heads.Reshape(a.RawQuery.Shape) : heads;

    private static Tensor Column(Tensor values) => values.Reshape(new Shape((int)values.Shape.Count, 1));

    private void Rotate(ModelContext c, AttentionActivations a, Tensor query, Tensor key, bool inverse)
    {
        if (_rope is not null)
        {
            c.Backend.RopeApply(new RopeApplyArgs(query, a.QueryCosSin, inverse) { HeadDim = _headDim });
            c.Backend.RopeApply(new RopeApplyArgs(key, c.Ropes[_rope].Key, inverse) { HeadDim = _headDim });
        }
    }
}
