using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Cuda;

/// <summary>What a kernel on wgmma copies beside its weight. Without a low-rank product its maps are those of the left operand.</summary>
/// <param name="A">The left operand.</param>
/// <param name="A2">The left operand of the low-rank product.</param>
/// <param name="B2">Its right operand.</param>
internal readonly record struct HopperMaps(NativeTensorMap A, NativeTensorMap A2, NativeTensorMap B2);
