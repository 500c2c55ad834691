using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>Y = act(gate) * up, by default silu(x) = x / (1 + exp(-x)) (Shazeer 2020).</summary>
/// <param name="GateUp"><c>[T, 2F]</c>: gate in the first F columns, up in the last.</param>
/// <param name="Y"><c>[T, F]</c>, =.</param>
public sealed record SwiGluForwardArgs(Tensor GateUp, Tensor Y)
{
    /// <summary>act.</summary>
    public GateActivation Activation { get; init; }
}

/// <summary>Gradient of <see cref="SwiGluForwardArgs"/>.</summary>
/// <param name="DY"><c>[T, F]</c>.</param>
/// <param name="GateUp"><c>[T, 2F]</c>, as in forward.</param>
/// <param name="DGateUp"><c>[T, 2F]</c>, =; may alias GateUp.</param>
public sealed record SwiGluBackwardArgs(Tensor DY, Tensor GateUp, Tensor DGateUp)
{
    /// <summary>As in forward.</summary>
    public GateActivation Activation { get; init; }
}
