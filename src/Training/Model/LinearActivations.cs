using Rm.Kernels.Tensors;

namespace Rm.Training.Model;

/// <summary>What a linear layer's backward needs of its forward beside x.</summary>
/// <param name="S">Low-rank products x A^T, <c>[rows, R]</c>; null without LoRA.</param>
/// <param name="Unscaled">Output before DoRA's magnitudes, <c>[rows, Out]</c>; null without DoRA.</param>
internal readonly record struct LinearActivations(Tensor? S, Tensor? Unscaled);
