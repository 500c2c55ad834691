using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>Cosines and sines of rotary position embedding (Su et al. 2021).</summary>
/// <param name="Layout">Positions of the tokens.</param>
/// <param name="InverseFrequencies">Float32 values of theta^(-2i/D) after any scaling, D/2 of them.</param>
/// <param name="CosSin"><c>[n, D]</c>, float32, =: D/2 cosines, then D/2 sines, of position * inverse frequency, for n tokens.</param>
public sealed record RopeTableArgs(PreparedLayout Layout, float[] InverseFrequencies, Tensor CosSin)
{
    /// <summary>Token of the table's first row; the others follow it.</summary>
    public int FirstToken { get; init; }

    /// <summary>Factor on all cosines and sines: YaRN's and LongRoPE's attention factor.</summary>
    public float Scale { get; init; } = 1;

    /// <summary>
    /// b: rows are multiplied by 1 + b ln(1 + floor(position / <see cref="GrowthLength"/>)) as well; 0 for no such growth.
    /// </summary>
    public float Growth { get; init; }

    /// <summary>Positions after which the growth begins.</summary>
    public int GrowthLength { get; init; } = 1;
}

/// <summary>
/// Rotates every head in place: (x1, x2) = (x1 cos - x2 sin, x2 cos + x1 sin) for the halves x1, x2 of a head; the inverse has -sin.
/// Where a head is wider than the table, its first features are rotated and the others stay.
/// </summary>
/// <param name="X"><c>[T, heads * D]</c>, in place; rows may be strided.</param>
/// <param name="CosSin"><c>[T, D]</c> of <see cref="RopeTableArgs"/>.</param>
/// <param name="Inverse">Rotate backwards: the gradient.</param>
public sealed record RopeApplyArgs(Tensor X, Tensor CosSin, bool Inverse)
{
    /// <summary>Features of a head; 0 for as many as the table is wide.</summary>
    public int HeadDim { get; init; }
}
