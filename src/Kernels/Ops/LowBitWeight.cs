namespace Rm.Kernels.Ops;

/// <summary>A frozen weight that stays in few bits on its device; products turn its codes into values as they read them.</summary>
/// <param name="outFeatures">Rows.</param>
/// <param name="inFeatures">Columns.</param>
/// <param name="layout">How rows lie in memory.</param>
public abstract class LowBitWeight(int outFeatures, int inFeatures, LowBitLayout layout) : LinearWeight(outFeatures, inFeatures)
{
    /// <summary>How rows lie in memory.</summary>
    public LowBitLayout Layout => layout;

    /// <inheritdoc/>
    public override bool IsTrainable => false;

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">Always: values are not turned into codes here.</exception>
    public override void Load(int firstRow, ReadOnlySpan<float> values) =>
        throw new InvalidOperationException("A weight in few bits is filled with codes and scales.");

    /// <summary>Fills rows, beginning with <paramref name="firstRow"/>. Every row must be loaded once before the weight is used.</summary>
    /// <exception cref="ArgumentException">An array is not of the layout's size, or rows reach beyond the last one.</exception>
    public abstract void LoadRows(int firstRow, LowBitRows rows);
}
