namespace Rm.Kernels.Ops;

/// <summary>
/// What a hybrid model's layers need beside the operations of <see cref="IBackend"/>, under the same rules. Not every backend has them yet.
/// </summary>
public interface IDeltaNetOperations
{
    /// <summary>Causal convolution of each feature with SiLU, before a gated delta rule.</summary>
    void CausalConvForward(CausalConvForwardArgs args);

    /// <summary>Gradient of <see cref="CausalConvForward"/>.</summary>
    void CausalConvBackward(CausalConvBackwardArgs args);

    /// <summary>The gated delta rule over the segments of a micro-batch.</summary>
    void DeltaRuleForward(DeltaRuleForwardArgs args);

    /// <summary>Gradient of <see cref="DeltaRuleForward"/>.</summary>
    void DeltaRuleBackward(DeltaRuleBackwardArgs args);

    /// <summary>The output gate of attention.</summary>
    void SigmoidGateForward(SigmoidGateForwardArgs args);

    /// <summary>Gradient of <see cref="SigmoidGateForward"/>.</summary>
    void SigmoidGateBackward(SigmoidGateBackwardArgs args);
}
