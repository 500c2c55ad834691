using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

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

    /// <summary>Fills the weights. <paramref name="trainedBelow"/>: whether a gradient must leave the layer downwards; <paramref name="frozen"/>:
    /// the layer of another model whose frozen matrices are used too.</summary>
    public void Load(IBackend backend, ParameterBuffer parameters, IWeightSource source, bool training, bool trainedBelow, DecoderLayer? frozen = null)
    {
        bool needsNormGradient = training && (trainedBelow || _inputNorm.IsTrained);
        foreach (NormLayer norm in Norms)
        {
            norm.Load(backend, parameters, source);
        }

        foreach ((LinearLayer linear, LinearLayer? other) in Linears.Zip(frozen?.Linears ?? Linears.Select(_ => (LinearLayer?)null)))
        {
            bool readsInputNorm = linear == _qkv || linear == _query || linear == _keyValue;
            linear.Load(backend, parameters, source, readsInputNorm ? needsNormGradient : training, other);
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
        var a = Allocate(c, x, rows);

        // With selective recompute, what follows in the arena is given back at the end: backward makes it again from what is kept.
        long mark = c.Arena.Mark;
        Tensor norm1 = c.Activation(tokens, hidden);
        _inputNorm.Forward(c, x, norm1, a.Rstd1);
        Tensor residual = x;
        Tensor queryInput = norm1;
        if (_pruned)
        {
            queryInput = Gathered(c, norm1);
            residual = Gathered(c, x);
            _query!.Forward(c, queryInput, null, a.RawQuery, a.SQuery, queryRows);
            _keyValue!.Forward(c, norm1, null, a.KeyValue, a.SQkv);
        }
        else
        {
            _qkv!.Forward(c, norm1, null, a.Qkv, a.SQkv);
        }

        if (_queryNorm is not null)
        {
            _queryNorm.ForwardHeads(c, a.RawQuery, a.Query, a.RstdQuery);
            _keyNorm!.ForwardHeads(c, a.RawKey, a.Key, a.RstdKey);
        }

        if (_pruned)
        {
            c.Backend.GatherRows(new GatherRowsArgs(c.CosSin, c.RewardRows, a.QueryCosSin));
        }

        c.Backend.RopeApply(new RopeApplyArgs(a.Query, a.QueryCosSin, Inverse: false));
        c.Backend.RopeApply(new RopeApplyArgs(a.Key, c.CosSin, Inverse: false));
        c.Backend.AttentionForward(
            new AttentionForwardArgs(c.Layout, a.Query, a.Key, a.Value, _headDim, AttentionScale, a.Attention, a.Lse) { QueryRows = queryRows });
        _output.Forward(c, a.Attention, residual, a.Middle, a.SOutput, queryRows);

        Tensor norm2 = c.Activation(rows, hidden);
        _postNorm.Forward(c, a.Middle, norm2, a.Rstd2);
        Tensor swiGlu = c.Activation(rows, _intermediate);
        _gateUp.Forward(c, norm2, null, a.GateUp, a.SGateUp, queryRows, swiGlu);
        _down.Forward(c, swiGlu, a.Middle, y, a.SDown, queryRows);
        if (c.Recompute != Recompute.Selective)
        {
            (a.Norm1, a.QueryInput, a.Norm2, a.SwiGlu) = (norm1, queryInput, norm2, swiGlu);
        }
        else
        {
            c.Arena.Release(mark);
        }

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
        _down.Backward(c, dY, SwiGluOf(c, a), a.SDown, dSwiGlu, queryRows);
        Tensor dGateUp = a.GateUp;
        c.Backend.SwiGluBackward(new SwiGluBackwardArgs(dSwiGlu, a.GateUp, dGateUp));
        Tensor dNorm2 = c.Activation(rows, hidden);
        _gateUp.Backward(c, dGateUp, Normed(c, _postNorm, a.Norm2, a.Middle), a.SGateUp, dNorm2, queryRows);
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
        Tensor norm1 = Normed(c, _inputNorm, a.Norm1, a.X);
        if (_pruned)
        {
            BackwardPrunedProjections(c, a, norm1, dQ, dKv, dNorm1);
            if (dNorm1 is not null)
            {
                dResidual = c.Activation(tokens, hidden);
                c.Backend.Fill(dResidual, 0);
                c.Backend.ScatterAddRows(new ScatterAddRowsArgs(dMiddle, c.RewardRows, dResidual));
            }
        }
        else
        {
            _qkv!.Backward(c, dQkv, norm1, a.SQkv, dNorm1);
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

    // Everything that backward needs and that is not made again, in one run of the arena.
    private LayerActivations Allocate(ModelContext c, Tensor x, int rows)
    {
        int tokens = c.TokenCount, hidden = x.Columns;
        var a = new LayerActivations { X = x, Rstd1 = c.Float(1, tokens), Rstd2 = c.Float(1, rows) };
        if (_pruned)
        {
            a.RawQuery = c.Activation(rows, _queryColumns);
            a.KeyValue = c.Activation(tokens, 2 * _keyColumns);
            a.SQuery = _query!.AllocateS(c, rows);
            a.SQkv = _keyValue!.AllocateS(c, tokens);
            a.QueryCosSin = c.Float(rows, _headDim);
        }
        else
        {
            a.Qkv = c.Activation(tokens, _queryColumns + (2 * _keyColumns));
            a.RawQuery = a.Qkv.SliceColumns(0, _queryColumns);
            a.KeyValue = a.Qkv.SliceColumns(_queryColumns, 2 * _keyColumns);
            a.SQkv = _qkv!.AllocateS(c, tokens);
            a.QueryCosSin = c.CosSin;
        }

        a.RawKey = a.KeyValue.SliceColumns(0, _keyColumns);
        a.Value = a.KeyValue.SliceColumns(_keyColumns, _keyColumns);
        (a.Query, a.Key) = (a.RawQuery, a.RawKey);
        if (_queryNorm is not null)
        {
            a.Query = c.Activation(rows, _queryColumns);
            a.Key = c.Activation(tokens, _keyColumns);
            a.RstdQuery = c.Float(rows, _queryColumns / _headDim);
            a.RstdKey = c.Float(tokens, _keyColumns / _headDim);
        }

        a.Attention = c.Activation(rows, _queryColumns);
        a.Lse = c.Float(rows, _queryColumns / _headDim);
        a.Middle = c.Activation(rows, hidden);
        a.GateUp = c.Activation(rows, 2 * _intermediate);
        a.SOutput = _output.AllocateS(c, rows);
        a.SGateUp = _gateUp.AllocateS(c, rows);
        a.SDown = _down.AllocateS(c, rows);
        return a;
    }

    private static Tensor Normed(ModelContext c, NormLayer norm, Tensor? kept, Tensor x)
    {
        if (kept is { } tensor)
        {
            return tensor;
        }

        Tensor normed = c.Activation(x.Rows, x.Columns);
        norm.Forward(c, x, normed, c.Float(1, x.Rows));
        return normed;
    }

    private Tensor SwiGluOf(ModelContext c, LayerActivations a)
    {
        if (a.SwiGlu is { } kept)
        {
            return kept;
        }

        Tensor swiGlu = c.Activation(a.GateUp.Rows, _intermediate);
        c.Backend.SwiGluForward(new SwiGluForwardArgs(a.GateUp, swiGlu));
        return swiGlu;
    }

    private static Tensor Gathered(ModelContext c, Tensor x)
    {
        Tensor rows = c.Activation(c.RewardRows.Length, x.Columns);
        c.Backend.GatherRows(new GatherRowsArgs(x, c.RewardRows, rows));
        return rows;
    }

    private void BackwardPrunedProjections(ModelContext c, LayerActivations a, Tensor norm1, Tensor dQ, Tensor dKv, Tensor? dNorm1)
    {
        _keyValue!.Backward(c, dKv, norm1, a.SQkv, dNorm1);
        Tensor? dQueryInput = dNorm1 is { } d ? c.Activation(dQ.Rows, d.Columns) : null;
        _query!.Backward(c, dQ, a.QueryInput ?? Gathered(c, norm1), a.SQuery, dQueryInput, c.RewardRows);
        if (dNorm1 is { } target)
        {
            c.Backend.ScatterAddRows(new ScatterAddRowsArgs(dQueryInput!.Value, c.RewardRows, target));
        }
    }
}
