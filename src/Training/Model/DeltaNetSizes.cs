using Rm.Kernels.Ops;

namespace Rm.Training.Model;

/// <summary>Sizes of a model's gated delta nets, the same in every layer that has one.</summary>
/// <param name="Rule">Heads of the delta rule.</param>
/// <param name="ConvolutionWidth">K: tokens that the convolution before it sees.</param>
public sealed record DeltaNetSizes(DeltaRuleShape Rule, int ConvolutionWidth);
