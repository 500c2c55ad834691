namespace Rm.Kernels.Ops;

/// <summary>The operations of mixtures of experts with someone watching; see <see cref="ObservedBackend"/>.</summary>
/// <param name="inner">Does the work.</param>
/// <param name="observer">Watches, or null.</param>
internal sealed class ObservedExperts(IExpertOperations inner, IOperationObserver? observer) : IExpertOperations
{
    /// <inheritdoc/>
    public void RouteForward(RouteForwardArgs args) => Observe(nameof(RouteForward), inner.RouteForward, args);

    /// <inheritdoc/>
    public void RouteBackward(RouteBackwardArgs args) => Observe(nameof(RouteBackward), inner.RouteBackward, args);

    /// <inheritdoc/>
    public void ExpertSumForward(ExpertSumForwardArgs args) => Observe(nameof(ExpertSumForward), inner.ExpertSumForward, args);

    /// <inheritdoc/>
    public void ExpertSumBackward(ExpertSumBackwardArgs args) => Observe(nameof(ExpertSumBackward), inner.ExpertSumBackward, args);

    /// <inheritdoc/>
    public void ExpertDot(ExpertDotArgs args) => Observe(nameof(ExpertDot), inner.ExpertDot, args);

    private void Observe<T>(string operation, Action<T> run, T args)
    {
        observer?.Begin(operation);
        run(args);
        observer?.End(operation);
    }
}
