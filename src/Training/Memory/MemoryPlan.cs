using Rm.Training.Batching;
using Rm.Training.Model;

namespace Rm.Training.Memory;

/// <summary>What a training run needs of its device's memory, in bytes, as a dry run of its largest step counted it.</summary>
/// <param name="Recompute">What backward computes again.</param>
/// <param name="Extent">The largest micro-batch.</param>
/// <param name="Layers">Decoder layers.</param>
/// <param name="Weights">Frozen weights, and working copies of trained ones.</param>
/// <param name="Optimizer">The flat buffers: trained values, gradients and both moments.</param>
/// <param name="Activations">Of the largest micro-batch.</param>
/// <param name="Buffers">Layouts, lists and partial sums outside the arena.</param>
/// <param name="Loading">Most at once while weights are loaded, on a device that stages them.</param>
/// <param name="Staging">Host memory for copies to and from the device.</param>
public sealed record MemoryPlan(
    Recompute Recompute, MicroBatchExtent Extent, int Layers, long Weights, long Optimizer, ActivationMemory Activations, long Buffers,
    long Loading,
    long Staging)
{
    /// <summary>Bytes that were free when the plan was made; 0 when no device was asked.</summary>
    public long Free { get; init; }

    /// <summary>Activations that live from forward to backward: layer inputs, and what is not made again.</summary>
    public long Kept => Activations.Kept;

    /// <summary>Gradients of activations, and whatever else is there only while a layer computes.</summary>
    public long Work => Activations.Peak - Activations.Kept;

    /// <summary>Most that is taken at once.</summary>
    public long Total => Math.Max(Loading, Weights + Optimizer + Activations.Peak + Buffers);

    /// <summary>
    /// What stays free of <paramref name="free"/> bytes: for kernels that the driver loads late, for what it rounds allocations up to, and
    /// for other programs. 256 MiB and a hundredth.
    /// </summary>
    public static long Reserve(long free) => (256L << 20) + (free / 100);

    /// <summary>Whether the plan fits into <paramref name="free"/> bytes less <see cref="Reserve"/>.</summary>
    public bool Fits(long free) => Total <= free - Reserve(free);
}
