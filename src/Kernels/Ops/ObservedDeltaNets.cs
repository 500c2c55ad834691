namespace Rm.Kernels.Ops;

/// <summary>The operations of gated delta nets with someone watching; see <see cref="ObservedBackend"/>.</summary>
/// <param name="inner">Does the work.</param>
/// <param name="observer">Watches, or null.</param>
internal sealed class ObservedDeltaNets(IDeltaNetOperations inner, IOperationObserver? observer) : IDeltaNetOperations
{
    /// <inheritdoc/>
    public void CausalConvForward(CausalConvForwardArgs args) => Observe(nameof(CausalConvForward), inner.CausalConvForward, args);

    /// <inheritdoc/>
    public void CausalConvBackward(CausalConvBackwardArgs args) => Observe(nameof(CausalConvBackward), inner.CausalConvBackward, args);

    /// <inheritdoc/>
    public void DeltaRuleForward(DeltaRuleForwardArgs args) => Observe(nameof(DeltaRuleForward), inner.DeltaRuleForward, args);

    /// <inheritdoc/>
    public void DeltaRuleBackward(DeltaRuleBackwardArgs args) => Observe(nameof(DeltaRuleBackward), inner.DeltaRuleBackward, args);

    /// <inheritdoc/>
    public void SigmoidGateForward(SigmoidGateForwardArgs args) => Observe(nameof(SigmoidGateForward), inner.SigmoidGateForward, args);

    /// <inheritdoc/>
    public void SigmoidGateBackward(SigmoidGateBackwardArgs args) => Observe(nameof(SigmoidGateBackward), inner.SigmoidGateBackward, args);

    private void Observe<T>(string operation, Action<T> run, T args)
    {
        observer?.Begin(operation);
        run(args);
        observer?.End(operation);
    }
}
