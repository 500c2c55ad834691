namespace Rm.Kernels.Cuda.Builds;

/// <summary>
/// The GPU would do, and nothing that it can run is there: neither machine code nor PTX of this build, nor a compiler. The message names
/// everything that was tried and what to do.
/// </summary>
public sealed class KernelsUnavailableException : InvalidOperationException
{
    /// <summary>An exception with a complete message.</summary>
    public KernelsUnavailableException(string message)
        : base(message)
    {
    }
}
