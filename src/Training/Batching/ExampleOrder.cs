namespace Rm.Training.Batching;

/// <summary>Order of the examples of an epoch (<c>--order</c>).</summary>
public enum ExampleOrder
{
    /// <summary>File order in every epoch.</summary>
    Sequential,

    /// <summary>Another random order in every epoch.</summary>
    Shuffle,
}
