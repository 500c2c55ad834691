using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>
/// Random weights of a shape, for benchmarks: speed does not depend on the values, but zeros would run faster than real ones.
/// </summary>
internal sealed class RandomWeights(ulong seed) : IWeightSource
{
    // A uniform number of 16 bits has standard deviation 65536 / sqrt(12); this makes it the 0.02 that transformers initialises with.
    private const float Scale = 0.02f * 3.4641016f / 65536f;

    // Range of the uniform numbers that have this standard deviation.
    private const float Range = Scale * 65536f;

    /// <inheritdoc/>
    public bool Contains(string name) => !name.Equals(WeightNames.Score, StringComparison.Ordinal);

    /// <inheritdoc/>
    public void Read(string name, long start, Span<float> destination)
    {
        if (name.Contains("norm", StringComparison.Ordinal))
        {
            destination.Fill(1);
            return;
        }

        // One draw serves four elements.
        var random = new CounterRandom(seed, name);
        for (int i = 0; i < destination.Length;)
        {
            long index = start + i;
            ulong bits = random.Bits(index / 4) >> (int)(16 * (index % 4));
            for (long lane = index % 4; lane < 4 && i < destination.Length; lane++, i++)
            {
                destination[i] = ((ushort)bits - 32767.5f) * Scale;
                bits >>= 16;
            }
        }
    }

    /// <inheritdoc/>
    public bool TryFill(IBackend backend, string name, Tensor destination) =>
        backend is IRandomFill device && device.TryFillRandom(destination, Range, CounterRandom.KeyOf(seed, name));

    /// <inheritdoc/>
    public bool TryFill(IBackend backend, string name, LinearWeight destination) =>
        backend is IRandomFill device && device.TryFillRandom(destination, Range, CounterRandom.KeyOf(seed, name));
}
