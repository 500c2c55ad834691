using Rm.Training.LowBit;

namespace Rm.Training.Model;

/// <summary>Weights of a checkpoint folder.</summary>
internal sealed class CheckpointWeightSource(CheckpointWeights weights) : IWeightSource
{
    /// <inheritdoc/>
    public bool Contains(string name) => name != WeightNames.Score || weights.HasScore;

    /// <inheritdoc/>
    public ILowBitMatrix? LowBit(string name) => weights.LowBit(name);

    /// <inheritdoc/>
    public void Read(string name, long start, Span<float> destination) => weights.ReadFloat32(name, destination, start);
}
