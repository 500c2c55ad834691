using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>Y = X * rstd * W with rstd = 1 / sqrt(mean(X^2) + Epsilon) per row (Zhang and Sennrich 2019).</summary>
/// <param name="X"><c>[T, C]</c>.</param>
/// <param name="W"><c>[C]</c>, float32.</param>
/// <param name="Epsilon">rms_norm_eps.</param>
/// <param name="Y"><c>[T, C]</c>, =; may not alias X.</param>
/// <param name="Rstd"><c>[T]</c>, float32, =.</param>
public sealed record RmsNormForwardArgs(Tensor X, Tensor W, float Epsilon, Tensor Y, Tensor Rstd);

/// <summary>Gradient of RMSNorm: DX = (DResidual or 0) + dY-part; DW += sum over rows, in a fixed order.</summary>
/// <param name="DY"><c>[T, C]</c>.</param>
/// <param name="X"><c>[T, C]</c>, as in forward.</param>
/// <param name="W"><c>[C]</c>, float32.</param>
/// <param name="Rstd"><c>[T]</c>, float32, as forward wrote it.</param>
/// <param name="DResidual"><c>[T, C]</c>, gradient that reaches X past the norm, or null; may alias DX.</param>
/// <param name="DX"><c>[T, C]</c>, =; may alias DY.</param>
/// <param name="DW"><c>[C]</c>, float32, +=; null when W is frozen.</param>
public sealed record RmsNormBackwardArgs(Tensor DY, Tensor X, Tensor W, Tensor Rstd, Tensor? DResidual, Tensor DX, Tensor? DW);

/// <summary>RMSNorm of each head's D features with one weight for all heads.</summary>
/// <param name="X"><c>[T, heads * D]</c>; rows may be strided.</param>
/// <param name="W"><c>[D]</c>, float32.</param>
/// <param name="Epsilon">rms_norm_eps.</param>
/// <param name="Y"><c>[T, heads * D]</c>, =; rows may be strided; may not alias X.</param>
/// <param name="Rstd"><c>[T, heads]</c>, float32, =.</param>
public sealed record HeadNormForwardArgs(Tensor X, Tensor W, float Epsilon, Tensor Y, Tensor Rstd);

/// <summary>Gradient of <see cref="HeadNormForwardArgs"/>.</summary>
/// <param name="DY"><c>[T, heads * D]</c>; rows may be strided.</param>
/// <param name="X"><c>[T, heads * D]</c>, as in forward.</param>
/// <param name="W"><c>[D]</c>, float32.</param>
/// <param name="Rstd"><c>[T, heads]</c>, float32.</param>
/// <param name="DX"><c>[T, heads * D]</c>, =; may alias DY.</param>
/// <param name="DW"><c>[D]</c>, float32, +=; null when W is frozen.</param>
public sealed record HeadNormBackwardArgs(Tensor DY, Tensor X, Tensor W, Tensor Rstd, Tensor DX, Tensor? DW);
