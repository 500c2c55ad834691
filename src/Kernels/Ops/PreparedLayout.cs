namespace Rm.Kernels.Ops;

/// <summary>A <see cref="SequenceLayout"/> with what its backend derived from it, alive for one micro-batch.</summary>
public abstract class PreparedLayout(SequenceLayout layout) : IDisposable
{
    /// <summary>The layout.</summary>
    public SequenceLayout Layout { get; } = layout;

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees device memory.</summary>
    protected abstract void Dispose(bool disposing);
}
