using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>
/// The low-rank part of one (possibly fused) linear layer: parts of y's columns, each with its own factors (Hu et al. 2021).
/// y[:, part] += Scale * part's Scale * (dropout(x) A_part^T) B_part^T.
/// </summary>
/// <param name="A"><c>[R, InFeatures]</c>, float32: the A factors of the parts stacked, R the sum of their ranks.</param>
/// <param name="GradA">Gradient of A, float32; null outside training.</param>
/// <param name="Parts">The adapted column ranges, in the order of A's rows.</param>
/// <param name="Scale">alpha / r, or alpha / sqrt(r) for rank-stabilised LoRA.</param>
/// <param name="Dropout">Dropout of x before A, or null for none.</param>
public sealed record LoraFactors(Tensor A, Tensor? GradA, IReadOnlyList<LoraPart> Parts, float Scale, LoraDropout? Dropout)
{
    /// <summary>R, the sum of the parts' ranks.</summary>
    public int TotalRank => A.Rows;

    /// <summary>The factor of all parts, or null when they differ.</summary>
    public float? UniformScale => Parts.All(p => p.Scale == Parts[0].Scale) ? ScaleOf(Parts[0]) : null;

    /// <summary>The factor of one part.</summary>
    public float ScaleOf(LoraPart part) => Scale * part.Scale;
}

/// <summary>One adapted column range of a fused linear layer.</summary>
/// <param name="Column">First column of y.</param>
/// <param name="RankRow">First row in the stacked A.</param>
/// <param name="B"><c>[columns, r]</c>, float32.</param>
/// <param name="GradB">Gradient of B, float32; null outside training.</param>
/// <param name="DropoutStream">Distinguishes this module's dropout masks from all others'.</param>
public sealed record LoraPart(int Column, int RankRow, Tensor B, Tensor? GradB, uint DropoutStream)
{
    /// <summary>Number of columns of y that the part covers.</summary>
    public int Columns => B.Rows;

    /// <summary>Rank r of the part.</summary>
    public int Rank => B.Columns;

    /// <summary>Factor on the part beside <see cref="LoraFactors.Scale"/>, where modules have scales of their own.</summary>
    public float Scale { get; init; } = 1;
}

/// <summary>
/// Inverted dropout with counter-based numbers: element (t, c) of a module is kept when the number drawn from
/// (Seed, the module's stream, the token's key, c) is not below Probability, and then scaled by 1 / (1 - Probability).
/// The numbers are those of <see cref="DropoutMask"/> on every backend.
/// </summary>
/// <param name="Probability">Share of elements dropped, 0 to below 1.</param>
/// <param name="Seed">Changes with every step.</param>
public sealed record LoraDropout(float Probability, ulong Seed);

/// <summary>
/// Y = X W^T (+ Bias) (+ LoRA) (+ Residual). Per element: the products in order of the input features, then LoRA, bias, residual.
/// </summary>
/// <param name="Layout">Token keys for dropout.</param>
/// <param name="X"><c>[T, In]</c>; rows may be strided.</param>
/// <param name="Weight"><c>[Out, In]</c>.</param>
/// <param name="Bias"><c>[Out]</c>, float32, or null.</param>
/// <param name="Residual"><c>[T, Out]</c>, or null; may alias Y.</param>
/// <param name="Lora">Low-rank part, or null.</param>
/// <param name="S"><c>[T, R]</c>, =: Scale * dropout(x) A^T, kept for backward; null without LoRA. Of the activation type, rows
/// at multiples of eight elements.</param>
/// <param name="Y"><c>[T, Out]</c>, =.</param>
public sealed record LinearForwardArgs(
    PreparedLayout Layout, Tensor X, LinearWeight Weight, Tensor? Bias, Tensor? Residual, LoraFactors? Lora, Tensor? S, Tensor Y)
{
    /// <summary>Rows of the layout that the rows of X are, or null when X has all T tokens (used for dropout keys).</summary>
    public int[]? TokenRows { get; init; }

    /// <summary>
    /// <c>[T, Out / 2]</c>, =: the SwiGLU of Y as it was stored, gates before ups, with the bits of <see cref="SwiGluForwardArgs"/>; null
    /// where it is not wanted. Y and this one are contiguous then.
    /// </summary>
    public Tensor? SwiGlu { get; init; }
}

/// <summary>
/// Gradients of the linear layer. With dS = Scale * dY B: DX = dY W + dropout'(dS A); GradA += dS^T dropout(x);
/// GradB += dY^T S; DW += dY^T X; DBias += column sums of dY. Sums over tokens run in a fixed order.
/// </summary>
/// <param name="Layout">Token keys for dropout.</param>
/// <param name="DY"><c>[T, Out]</c>; rows may be strided.</param>
/// <param name="X"><c>[T, In]</c>, as in forward; needed for GradA and DW.</param>
/// <param name="Weight"><c>[Out, In]</c>.</param>
/// <param name="Lora">Low-rank part, or null.</param>
/// <param name="S"><c>[T, R]</c>, as forward wrote it; null without LoRA.</param>
/// <param name="DX"><c>[T, In]</c>, =, or += with <paramref name="AccumulateDX"/>; null when nobody needs it.</param>
/// <param name="AccumulateDX">Whether DX is added to.</param>
/// <param name="DW"><c>[Out, In]</c>, float32, +=; null when W is frozen.</param>
/// <param name="DBias"><c>[Out]</c>, float32, +=; null when there is no trainable bias.</param>
/// <param name="Scratch">For temporaries.</param>
public sealed record LinearBackwardArgs(
    PreparedLayout Layout, Tensor DY, Tensor X, LinearWeight Weight, LoraFactors? Lora, Tensor? S, Tensor? DX, bool AccumulateDX,
    Tensor? DW, Tensor? DBias, TensorArena Scratch)
{
    /// <summary>Rows of the layout that the rows of X are, or null when X has all T tokens (used for dropout keys).</summary>
    public int[]? TokenRows { get; init; }
}
