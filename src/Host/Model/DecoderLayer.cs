using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Host.Model;

/// <summary>
/// One pre-norm decoder layer: RMSNorm, fused QKV, RoPE, grouped-query attention, output linear + residual, RMSNorm, fused gate/up, SwiGLU,
/// down linear + residual. The last layer is pruned: keys and values for all tokens, everything after them for the reward rows only.
/// Backward stands below forward, in reverse order.
/// </summary>
internal sealed class DecoderLayer : IDisposable
{
    private readonly int _headDim;
    private readonly int _queryColumns;
    private readonly int _keyColumns;
    private readonly int _intermediate;
    private readonly bool _pruned;
    private readonly NormLayer _inputNorm;
    private readonly NormLayer _postNorm;
    private readonly NormLayer? _queryNorm;
    private readonly NormLayer? _keyNorm;
    private readonly LinearLayer? _qkv;
    private readonly LinearLayer? _query;
    private readonly LinearLayer? _keyValue;
    private readonly LinearLayer _output;
    private readonly LinearLayer _gateUp;
    private readonly LinearLayer _down;

    public DecoderLayer(ParameterLayoutBuilder layout, ModelConfig config, TrainingScope scope, int index, bool pruned)
    {
        _headDim = config.HeadDim;
        _queryColumns = config.Heads * config.HeadDim;
        _keyColumns = config.KvHeads * config.HeadDim;
        _intermediate = config.IntermediateSize;
        _pruned = pruned;
        LinearLayer Linear(params LinearModule[] modules) => new(layout, config, scope, index, modules);
        NormLayer Norm(string name, int size) => new(layout, name, size, config.RmsNormEps, scope.Trains(name));

        _inputNorm = Norm(WeightNames.InputNorm(index), config.HiddenSize);
        if (pruned)
        {
            _query = Linear(LinearModule.Q);
            _keyValue = Linear(LinearModule.K, LinearModule.V);
        }
        else
        {
            _qkv = Linear(LinearModule.Q, LinearModule.K, LinearModule.V);
        }

        if (config.QkNorm)
        {
            _queryNorm = Norm(WeightNames.QNorm(index), config.HeadDim);
            _keyNorm = Norm(WeightNames.KNorm(index), config.HeadDim);
        }

        _output = Linear(LinearModule.O);
        _postNorm = Norm(WeightNames.PostAttentionNorm(index), config.HiddenSize);
        _gateUp = Linear(LinearModule.Gate, LinearModule.Up);
        _down = Linear(LinearModule.Down);
    }

    /// <summary>Whether anything in the layer is trained.</summary>
    public bool IsTrained => Linears.Any(l => l.IsTrained) || Norms.Any(n => n.IsTrained);

    private IEnumerable<LinearLayer> Linears => new[] { _qkv, _query, _keyValue, _output, _gateUp, _down }.OfType<LinearLayer>();

    private IEnumerable<NormLayer> Norms => new[] { _inputNorm, _postNorm, _queryNorm, _keyNorm }.OfType<NormLayer>();

    /// <summary>Fills the weights. <paramref name="trainedBelow"/>: whether a gradient must leave the layer downwards.</summary>
    public void Load(IBackend backend, ParameterBuffer parameters, IWeightSource source, bool training, bool trainedBelow)
    {
        bool needsNormGradient = training && (trainedBelow || _inputNorm.IsTrained);
        foreach (NormLayer norm in Norms)
        {
            norm.Load(backend, parameters, source);
        }

        foreach (LinearLayer linear in Linears)
        {
            bool readsInputNorm = linear == _qkv || linear == _query || linear == _keyValue;
            linear.Load(backend, parameters, source, readsInputNorm ? needsNormGradient : training);
        }
    }

    /// <summary>
    /// y <c>[T, C]</c> (pruned: <c>[R, C]</c>) = the layer of x <c>[T, C]</c>. Returns what backward needs; it lives in the arena until the caller
    /// releases it, and may be released at once when no backward follows.
    /// </summary>
    public LayerActivations Forward(ModelContext c, Tensor x, Tensor y)
    {
        int tokens = c.TokenCount, rows = y.Rows, hidden = x.Columns;
        int[]? queryRows = _pruned ? c.RewardRows : null;
        var a = new LayerActivations { X = x };

        a.Norm1 = c.Activation(tokens, hidden);
        a.Rstd1 = _inputNorm.Forward(c, x, a.Norm1);
        Tensor residual = x;
        Tensor q, kv;
        if (_pruned)
        {
            a.QueryInput = c.Activation(rows, hidden);
            residual = c.Activation(rows, hidden);
            c.Backend.GatherRows(new GatherRowsArgs(a.Norm1, queryRows!, a.QueryInput));
            c.Backend.GatherRows(new GatherRowsArgs(x, queryRows!, residual));
            q = c.Activation(rows, _queryColumns);
            kv = c.Activation(tokens, 2 * _keyColumns);
            a.SQuery = _query!.Forward(c, a.QueryInput, null, q, queryRows);
            a.SQkv = _keyValue!.Forward(c, a.Norm1, null, kv);
        }
        else
        {
            Tensor qkv = c.Activation(tokens, _queryColumns + (2 * _keyColumns));
            a.SQkv = _qkv!.Forward(c, a.Norm1, null, qkv);
            q = qkv.SliceColumns(0, _queryColumns);
            kv = qkv.SliceColumns(_queryColumns, 2 * _keyColumns);
        }

        Tensor k = kv.SliceColumns(0, _keyColumns);
        a.Value = kv.SliceColumns(_keyColumns, _keyColumns);
        if (_queryNorm is not null)
        {
            (a.RawQuery, a.RawKey) = (q, k);
            q = c.Activation(rows, _queryColumns);
            k = c.Activation(tokens, _keyColumns);
            a.RstdQuery = _queryNorm.ForwardHeads(c, a.RawQuery, q);
            a.RstdKey = _keyNorm!.ForwardHeads(c, a.RawKey, k);
        }

        (a.Query, a.Key) = (q, k);
        a.QueryCosSin = QueryCosSin(c, rows);
        c.Backend.RopeApply(new RopeApplyArgs(q, a.QueryCosSin, Inverse: false));
        c.Backend.RopeApply(new RopeApplyArgs(k, c.CosSin, Inverse: false));

        a.Attention = c.Activation(rows, _queryColumns);
        a.Lse = c.Float(rows, _queryColumns / _headDim);
        c.Backend.AttentionForward(
            new AttentionForwardArgs(c.Layout, q, k, a.Value, _headDim, AttentionScale, a.Attention, a.Lse) { QueryRows = queryRows });

        a.Middle = c.Activation(rows, hidden);
        a.SOutput = _output.Forward(c, a.Attention, residual, a.Middle, queryRows);

        a.Norm2 = c.Activation(rows, hidden);
        a.Rstd2 = _postNorm.Forward(c, a.Middle, a.Norm2);
        a.GateUp = c.Activation(rows, 2 * _intermediate);
        a.SGateUp = _gateUp.Forward(c, a.Norm2, null, a.GateUp, queryRows);
        a.SwiGlu = c.Activation(rows, _intermediate);
        c.Backend.SwiGluForward(new SwiGluForwardArgs(a.GateUp, a.SwiGlu));
        a.SDown = _down.Forward(c, a.SwiGlu, a.Middle, y, queryRows);
        return a;
    }

    /// <summary>
    /// Adds the layer's parameter gradients. <paramref name="dY"/> (shape of forward's y) is overwritten. <paramref name="dX"/> <c>[T, C]</c> is
    /// assigned when the caller needs it; it may be <paramref name="dY"/> itself unless the layer is pruned.
    /// </summary>
    public void Backward(ModelContext c, LayerActivations a, Tensor dY, Tensor? dX)
    {
        long mark = c.Arena.Mark;
        int tokens = c.TokenCount, rows = dY.Rows, hidden = dY.Columns;
        int[]? queryRows = _pruned ? c.RewardRows : null;

        Tensor dSwiGlu = c.Activation(rows, _intermediate);
        _down.Backward(c, dY, a.SwiGlu, a.SDown, dSwiGlu, queryRows);
        Tensor dGateUp = a.GateUp;
        c.Backend.SwiGluBackward(new SwiGluBackwardArgs(dSwiGlu, a.GateUp, dGateUp));
        Tensor dNorm2 = c.Activation(rows, hidden);
        _gateUp.Backward(c, dGateUp, a.Norm2, a.SGateUp, dNorm2, queryRows);
        Tensor dMiddle = dY;
        _postNorm.Backward(c, dNorm2, a.Middle, a.Rstd2, dResidual: dY, dX: dMiddle);

        Tensor dAttention = c.Activation(rows, _queryColumns);
        _output.Backward(c, dMiddle, a.Attention, a.SOutput, dAttention, queryRows);

        Tensor dQkv = c.Activation(tokens, (_pruned ? 0 : _queryColumns) + (2 * _keyColumns));
        Tensor dQ = _pruned ? c.Activation(rows, _queryColumns) : dQkv.SliceColumns(0, _queryColumns);
        Tensor dKv = _pruned ? dQkv : dQkv.SliceColumns(_queryColumns, 2 * _keyColumns);
        Tensor dK = dKv.SliceColumns(0, _keyColumns);
        Tensor dV = dKv.SliceColumns(_keyColumns, _keyColumns);
        c.Backend.AttentionBackward(
            new AttentionBackwardArgs(
                c.Layout, dAttention, a.Query, a.Key, a.Value, a.Attention, a.Lse, _headDim, AttentionScale, dQ, dK, dV, c.Arena)
            {
                QueryRows = queryRows,
            });
        c.Backend.RopeApply(new RopeApplyArgs(dQ, a.QueryCosSin, Inverse: true));
        c.Backend.RopeApply(new RopeApplyArgs(dK, c.CosSin, Inverse: true));
        if (_queryNorm is not null)
        {
            _queryNorm.BackwardHeads(c, dQ, a.RawQuery, a.RstdQuery, dQ);
            _keyNorm!.BackwardHeads(c, dK, a.RawKey, a.RstdKey, dK);
        }

        Tensor? dNorm1 = dX is not null || _inputNorm.IsTrained ? c.Activation(tokens, hidden) : null;
        Tensor dResidual = dMiddle;
        if (_pruned)
        {
            BackwardPrunedProjections(c, a, dQ, dKv, dNorm1);
            if (dNorm1 is not null)
            {
                dResidual = c.Activation(tokens, hidden);
                c.Backend.Fill(dResidual, 0);
                c.Backend.ScatterAddRows(new ScatterAddRowsArgs(dMiddle, c.RewardRows, dResidual));
            }
        }
        else
        {
            _qkv!.Backward(c, dQkv, a.Norm1, a.SQkv, dNorm1);
        }

        if (dNorm1 is { } dNorm)
        {
            _inputNorm.Backward(c, dNorm, a.X, a.Rstd1, dResidual, dX ?? dNorm);
        }

        c.Arena.Release(mark);
    }

    /// <summary>Brings derived forms of trained weights up to date.</summary>
    public void Refresh(IBackend backend)
    {
        foreach (LinearLayer linear in Linears)
        {
            linear.Refresh(backend);
        }
    }

    public void Dispose()
    {
        foreach (IDisposable part in Linears.Cast<IDisposable>().Concat(Norms))
        {
            part.Dispose();
        }
    }

    private float AttentionScale => (float)(1 / Math.Sqrt(_headDim));

    private Tensor QueryCosSin(ModelContext c, int rows)
    {
        if (!_pruned)
        {
            return c.CosSin;
        }

        Tensor picked = c.Float(rows, _headDim);
        c.Backend.GatherRows(new GatherRowsArgs(c.CosSin, c.RewardRows, picked));
        return picked;
    }

    private void BackwardPrunedProjections(ModelContext c, LayerActivations a, Tensor dQ, Tensor dKv, Tensor? dNorm1)
    {
        _keyValue!.Backward(c, dKv, a.Norm1, a.SQkv, dNorm1);
        Tensor? dQueryInput = dNorm1 is { } d ? c.Activation(dQ.Rows, d.Columns) : null;
        _query!.Backward(c, dQ, a.QueryInput, a.SQuery, dQueryInput, c.RewardRows);
        if (dNorm1 is { } target)
        {
            c.Backend.ScatterAddRows(new ScatterAddRowsArgs(dQueryInput!.Value, c.RewardRows, target));
        }
    }
}
