namespace Rm.Training.Model;

/// <summary>Bytes that a model's activations and temporaries took of its arena.</summary>
/// <param name="PerLayer">Most that a layer's forward kept for backward, its input and output apart; 0 where layers are made again.</param>
/// <param name="Kept">Most that was kept when forward ended.</param>
/// <param name="Peak">Most at any time.</param>
public readonly record struct ActivationMemory(long PerLayer, long Kept, long Peak);
