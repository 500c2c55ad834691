namespace Rm.Host.Model;

/// <summary>Random weights of a shape, for benchmarks: speed does not depend on the values, but zeros would run faster than real ones.</summary>
internal sealed class RandomWeights(ulong seed) : IWeightSource
{
    /// <inheritdoc/>
    public bool Contains(string name) => !name.Equals(WeightNames.Score, StringComparison.Ordinal);

    /// <inheritdoc/>
    public void Read(string name, long start, Span<float> destination)
    {
        var random = new CounterRandom(seed, name);
        bool isNorm = name.Contains("norm", StringComparison.Ordinal);
        for (int i = 0; i < destination.Length; i++)
        {
            // Uniform with the standard deviation 0.02 that transformers initialises with.
            destination[i] = isNorm ? 1 : (float)((random.Uniform(start + i) - 0.5) * 0.02 * 3.4641016);
        }
    }
}
