using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>The operations of gated delta nets, each by its launcher.</summary>
internal sealed class CudaDeltaNets(CudaSession session, DType dtype) : IDeltaNetOperations
{
    private readonly CudaCausalConv _conv = new(session, dtype);
    private readonly CudaDeltaRule _rule = new(session, dtype);
    private readonly CudaSigmoidGate _gate = new(session, dtype);

    /// <inheritdoc/>
    public void CausalConvForward(CausalConvForwardArgs args) => _conv.Forward(args);

    /// <inheritdoc/>
    public void CausalConvBackward(CausalConvBackwardArgs args) => _conv.Backward(args);

    /// <inheritdoc/>
    public void DeltaRuleForward(DeltaRuleForwardArgs args) => _rule.Forward(args);

    /// <inheritdoc/>
    public void DeltaRuleBackward(DeltaRuleBackwardArgs args) => _rule.Backward(args);

    /// <inheritdoc/>
    public void SigmoidGateForward(SigmoidGateForwardArgs args) => _gate.Forward(args);

    /// <inheritdoc/>
    public void SigmoidGateBackward(SigmoidGateBackwardArgs args) => _gate.Backward(args);
}
