using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>
/// One step of AdamW (Loshchilov and Hutter 2019) as PyTorch computes it: p -= lr * weightDecay * p; m = m + (g - m)(1 - Beta1);
/// v = Beta2 v + (1 - Beta2) g^2; p -= lr / (1 - Beta1^Step) * m / (sqrt(v) / sqrt(1 - Beta2^Step) + Epsilon), g = GradientScale *
/// gradient.
/// </summary>
/// <param name="Parameters">P elements in a contiguous tensor of any shape, float32, in place; the other three likewise.</param>
/// <param name="Gradients"><c>[P]</c>, float32.</param>
/// <param name="FirstMoment"><c>[P]</c>, float32, in place.</param>
/// <param name="SecondMoment"><c>[P]</c>, float32, in place.</param>
/// <param name="Groups">Ranges with their own learning rate and decay; parameters outside all ranges stay.</param>
/// <param name="Step">Number of this update, from 1.</param>
/// <param name="GradientScale">Clipping factor.</param>
/// <param name="Beta1">Decay of the first moment.</param>
/// <param name="Beta2">Decay of the second moment.</param>
/// <param name="Epsilon">Added to the denominator.</param>
public sealed record AdamWArgs(
    Tensor Parameters, Tensor Gradients, Tensor FirstMoment, Tensor SecondMoment, IReadOnlyList<AdamWGroup> Groups, int Step,
    float GradientScale,
    double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8);

/// <summary>A range of the flat parameter buffer.</summary>
/// <param name="Start">First element.</param>
/// <param name="Length">Number of elements.</param>
/// <param name="LearningRate">Learning rate of this step.</param>
/// <param name="WeightDecay">Decoupled weight decay.</param>
public readonly record struct AdamWGroup(long Start, long Length, double LearningRate, double WeightDecay);
