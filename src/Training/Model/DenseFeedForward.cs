using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>A gated MLP: fused gate and up, gated activation, down.</summary>
internal sealed class DenseFeedForward : FeedForward
{
    private readonly GateActivation _activation;
    private readonly int _width;
    private readonly LinearLayer _gateUp;
    private readonly LinearLayer _down;

    public DenseFeedForward(ParameterLayoutBuilder layout, ModelConfig config, TrainingScope scope, int index)
    {
        _activation = config.Family.Activation;
        _width = config.IntermediateSize;
        LinearLayer Linear(params LinearModule[] modules) =>
            new(layout, config, scope, index, [.. modules.Select(module => LinearSlice.Whole(config, module))]);
        _gateUp = config.Family.FusedProjections ? Linear(LinearModule.GateUp) : Linear(LinearModule.Gate, LinearModule.Up);
        _down = Linear(LinearModule.Down);
    }

    /// <inheritdoc/>
    protected override IEnumerable<LinearLayer> Linears => [_gateUp, _down];

    /// <inheritdoc/>
    public override FeedForwardActivations Allocate(ModelContext c, int rows) => new DenseActivations
    {
        GateUp = c.Activation(rows, 2 * _width),
        KeptGateUp = _gateUp.Allocate(c, rows),
        KeptDown = _down.Allocate(c, rows),
    };

    /// <inheritdoc/>
    public override void Forward(
        ModelContext c, FeedForwardActivations kept, Tensor input, Tensor? residual, Tensor y, int[]? tokenRows)
    {
        var a = (DenseActivations)kept;
        Tensor swiGlu = c.Activation(input.Rows, _width);
        bool isSilu = _activation == GateActivation.Silu;
        _gateUp.Forward(c, input, null, a.GateUp, a.KeptGateUp, tokenRows, isSilu ? swiGlu : null);
        if (!isSilu)
        {
            Activate(c, a.GateUp, swiGlu);
        }

        _down.Forward(c, swiGlu, residual, y, a.KeptDown, tokenRows);
        a.SwiGlu = c.Recompute == Recompute.Selective ? null : swiGlu;
    }

    /// <inheritdoc/>
    public override void Backward(ModelContext c, FeedForwardActivations kept, Tensor dY, int[]? tokenRows)
    {
        var a = (DenseActivations)kept;
        long mark = c.Arena.Mark;
        Tensor dSwiGlu = c.Activation(dY.Rows, _width);
        Tensor swiGlu = a.SwiGlu ?? Activate(c, a.GateUp, c.Activation(dY.Rows, _width));
        _down.Backward(c, dY, swiGlu, a.KeptDown, dSwiGlu, tokenRows);
        c.Backend.SwiGluBackward(new SwiGluBackwardArgs(dSwiGlu, a.GateUp, a.GateUp) { Activation = _activation });
        c.Arena.Release(mark);
    }

    /// <inheritdoc/>
    public override void BackwardInput(ModelContext c, FeedForwardActivations kept, Tensor input, Tensor dInput, int[]? tokenRows)
    {
        var a = (DenseActivations)kept;
        _gateUp.Backward(c, a.GateUp, input, a.KeptGateUp, dInput, tokenRows);
    }

    private Tensor Activate(ModelContext c, Tensor gateUp, Tensor y)
    {
        c.Backend.SwiGluForward(new SwiGluForwardArgs(gateUp, y) { Activation = _activation });
        return y;
    }

    private sealed class DenseActivations : FeedForwardActivations
    {
        public LinearActivations KeptGateUp { get; init; } // what each linear layer keeps
        public LinearActivations KeptDown { get; init; }
    }
}
