using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>
/// A mixture of experts (Shazeer et al. 2017) as Qwen3-MoE has it: a router chooses k of E gated MLPs for each token, whose outputs are
/// summed with the router's weights. Rows are gathered by expert, so that an expert's products are those of one matrix; a token's row has
/// the same bits wherever it stands. The choice comes to the host, which waits for the device once a layer.
/// </summary>
internal sealed class MixtureFeedForward : FeedForward
{
    private readonly ExpertSizes _sizes;
    private readonly LinearLayer _router;
    private readonly LinearLayer[] _gateUp;
    private readonly LinearLayer[] _down;

    public MixtureFeedForward(ParameterLayoutBuilder layout, ModelConfig config, TrainingScope scope, int index)
    {
        _sizes = config.Experts!;
        LinearLayer Linear(int expert, params LinearModule[] modules) => new(
            layout, config, scope, index, [.. modules.Select(module => LinearSlice.Whole(config, module) with { Expert = expert })]);
        _router = Linear(0, LinearModule.Router);
        IEnumerable<int> experts = Enumerable.Range(0, _sizes.Count);
        _gateUp = [.. experts.Select(e => Linear(e, LinearModule.ExpertGate, LinearModule.ExpertUp))];
        _down = [.. experts.Select(e => Linear(e, LinearModule.ExpertDown))];
    }

    /// <inheritdoc/>
    protected override IEnumerable<LinearLayer> Linears => [_router, .. _gateUp, .. _down];

    /// <inheritdoc/>
    public override FeedForwardActivations Allocate(ModelContext c, int rows) => new MixtureActivations
    {
        Logits = c.Activation(rows, (_sizes.Count + 7) / 8 * 8).SliceColumns(0, _sizes.Count),
        Experts = c.Arena.Allocate(DType.I32, new Shape(rows, _sizes.Chosen)),
        Weights = c.Float(rows, _sizes.Chosen),
        WeightGradients = c.Float(rows, _sizes.Chosen),
        GateUp = c.Activation(rows * _sizes.Chosen, 2 * _sizes.Width),
    };

    /// <inheritdoc/>
    public override void Forward(
        ModelContext c, FeedForwardActivations kept, Tensor input, Tensor? residual, Tensor y, int[]? tokenRows)
    {
        var a = (MixtureActivations)kept;
        _router.Forward(c, input, null, a.Logits, default, tokenRows);
        c.Experts.RouteForward(new RouteForwardArgs(a.Logits, _sizes.Normalizes, a.Experts, a.Weights));
        int[] experts = new int[a.Experts.Shape.Count];
        c.Backend.Download<int>(a.Experts, experts);
        a.Rows = new ExpertRows(experts, _sizes.Chosen, _sizes.Count);

        Tensor swiGlu = c.Activation(a.GateUp.Rows, _sizes.Width);
        long mark = c.Arena.Mark;
        Tensor gathered = c.Activation(a.GateUp.Rows, input.Columns);
        c.Backend.GatherRows(new GatherRowsArgs(input, a.Rows.Tokens, gathered));
        ForEach(a.Rows, (expert, first, count) => _gateUp[expert].Forward(
            c, gathered.SliceRows(first, count), null, a.GateUp.SliceRows(first, count), default,
            swiGlu: swiGlu.SliceRows(first, count)));
        Tensor outputs = gathered;
        ForEach(a.Rows, (expert, first, count) => _down[expert].Forward(
            c, swiGlu.SliceRows(first, count), null, outputs.SliceRows(first, count), default));
        c.Experts.ExpertSumForward(new ExpertSumForwardArgs(outputs, a.Rows.Slots, a.Weights, residual, y));
        c.Arena.Release(mark);
        a.SwiGlu = c.Recompute == Recompute.Selective ? null : swiGlu;
    }

    /// <inheritdoc/>
    public override void Backward(ModelContext c, FeedForwardActivations kept, Tensor dY, int[]? tokenRows)
    {
        var a = (MixtureActivations)kept;
        long mark = c.Arena.Mark;
        Tensor swiGlu = a.SwiGlu ?? c.Activation(a.GateUp.Rows, _sizes.Width);
        if (a.SwiGlu is null)
        {
            c.Backend.SwiGluForward(new SwiGluForwardArgs(a.GateUp, swiGlu));
        }

        Tensor dSwiGlu = c.Activation(swiGlu.Rows, swiGlu.Columns), dOutputs = c.Activation(swiGlu.Rows, dY.Columns);
        c.Experts.ExpertSumBackward(new ExpertSumBackwardArgs(dY, a.Rows.Slots, a.Weights, dOutputs));
        ForEach(a.Rows, (expert, first, count) => _down[expert].Backward(
            c, dOutputs.SliceRows(first, count), swiGlu.SliceRows(first, count), default, dSwiGlu.SliceRows(first, count)));

        // Of y = sum of w d(h): w dL/dw = w <dL/dy, d(h)> = <dL/dh, h>, which needs neither the outputs again nor a division.
        c.Experts.ExpertDot(new ExpertDotArgs(dSwiGlu, swiGlu, a.Rows.Slots, a.WeightGradients));
        c.Backend.SwiGluBackward(new SwiGluBackwardArgs(dSwiGlu, a.GateUp, a.GateUp));
        c.Arena.Release(mark);
    }

    /// <inheritdoc/>
    public override void BackwardInput(ModelContext c, FeedForwardActivations kept, Tensor input, Tensor dInput, int[]? tokenRows)
    {
        var a = (MixtureActivations)kept;
        c.Experts.RouteBackward(
            new RouteBackwardArgs(a.WeightGradients, a.Logits, _sizes.Normalizes, a.Experts, a.Weights, a.Logits));
        _router.Backward(c, a.Logits, input, default, dInput, tokenRows);

        long mark = c.Arena.Mark;
        Tensor dGathered = c.Activation(a.GateUp.Rows, input.Columns);

        // Frozen matrices do not look at their input.
        Tensor gathered = dGathered;
        if (_gateUp[0].IsTrained)
        {
            gathered = c.Activation(a.GateUp.Rows, input.Columns);
            c.Backend.GatherRows(new GatherRowsArgs(input, a.Rows.Tokens, gathered));
        }

        ForEach(a.Rows, (expert, first, count) => _gateUp[expert].Backward(
            c, a.GateUp.SliceRows(first, count), gathered.SliceRows(first, count), default, dGathered.SliceRows(first, count)));
        c.Experts.ExpertSumForward(new ExpertSumForwardArgs(dGathered, a.Rows.Slots, Weights: null, dInput, dInput));
        c.Arena.Release(mark);
    }

    private void ForEach(ExpertRows rows, Action<int, int, int> action)
    {
        for (int expert = 0; expert < _sizes.Count; expert++)
        {
            (int first, int count) = rows.Of(expert);
            if (count > 0)
            {
                action(expert, first, count);
            }
        }
    }

    private sealed class MixtureActivations : FeedForwardActivations
    {
        public Tensor Logits { get; init; }          // [rows, E]; backward overwrites it with its gradient
        public Tensor Experts { get; init; }         // [rows, k] int32
        public Tensor Weights { get; init; }         // [rows, k] float32
        public Tensor WeightGradients { get; init; } // [rows, k] float32, each times its weight
        public ExpertRows Rows { get; set; } = null!; // of the forward pass
    }
}
