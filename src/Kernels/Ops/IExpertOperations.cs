namespace Rm.Kernels.Ops;

/// <summary>
/// What a mixture of experts needs beside the operations of <see cref="IBackend"/>, under the same rules: the choice of experts, and the
/// ways between tokens and the rows of a matrix in which every expert's tokens stand together. Not every backend has them.
/// </summary>
public interface IExpertOperations
{
    /// <summary>Chooses each token's experts and weighs them.</summary>
    void RouteForward(RouteForwardArgs args);

    /// <summary>Gradient of <see cref="RouteForward"/>.</summary>
    void RouteBackward(RouteBackwardArgs args);

    /// <summary>Each token's weighted sum of its experts' rows.</summary>
    void ExpertSumForward(ExpertSumForwardArgs args);

    /// <summary>Gradient of <see cref="ExpertSumForward"/> with respect to the rows.</summary>
    void ExpertSumBackward(ExpertSumBackwardArgs args);

    /// <summary>Inner products of rows, brought back to their tokens.</summary>
    void ExpertDot(ExpertDotArgs args);
}
