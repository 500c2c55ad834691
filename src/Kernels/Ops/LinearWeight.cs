namespace Rm.Kernels.Ops;

/// <summary>A weight matrix <c>[OutFeatures, InFeatures]</c> in whatever form its backend multiplies fastest.</summary>
public abstract class LinearWeight : IDisposable
{
    /// <summary>A matrix of the given size.</summary>
    protected LinearWeight(int outFeatures, int inFeatures)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(outFeatures);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inFeatures);
        OutFeatures = outFeatures;
        InFeatures = inFeatures;
    }

    /// <summary>Features of y.</summary>
    public int OutFeatures { get; }

    /// <summary>Features of x.</summary>
    public int InFeatures { get; }

    /// <summary>Whether the optimizer changes it.</summary>
    public abstract bool IsTrainable { get; }

    /// <summary>
    /// Fills rows of a frozen weight with float32 values: <paramref name="values"/> holds whole rows, <c>[n, InFeatures]</c>,
    /// beginning with row <paramref name="firstRow"/>. Every row must be loaded once before the weight is used.
    /// </summary>
    /// <exception cref="InvalidOperationException">The weight is trainable.</exception>
    public abstract void Load(int firstRow, ReadOnlySpan<float> values);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees the memory.</summary>
    protected abstract void Dispose(bool disposing);
}
