using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>Cosines and sines of rotary position embedding (Su et al. 2021).</summary>
/// <param name="Layout">Positions of the tokens.</param>
/// <param name="InverseFrequencies">Float32 values of theta^(-2i/D) after any scaling, D/2 of them.</param>
/// <param name="CosSin"><c>[T, D]</c>, float32, =: D/2 cosines, then D/2 sines, of position * inverse frequency.</param>
public sealed record RopeTableArgs(PreparedLayout Layout, float[] InverseFrequencies, Tensor CosSin);

/// <summary>
/// Rotates every head in place: (x1, x2) = (x1 cos - x2 sin, x2 cos + x1 sin) for the halves x1, x2 of a head; the inverse has -sin.
/// </summary>
/// <param name="X"><c>[T, heads * D]</c>, in place; rows may be strided.</param>
/// <param name="CosSin"><c>[T, D]</c> of <see cref="RopeTableArgs"/>.</param>
/// <param name="Inverse">Rotate backwards: the gradient.</param>
public sealed record RopeApplyArgs(Tensor X, Tensor CosSin, bool Inverse);
