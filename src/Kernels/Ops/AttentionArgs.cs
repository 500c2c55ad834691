using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>
/// O[t, h] = softmax(Scale * Q[t, h] K[keys of t, h / (H/G)]^T) V[keys of t]: grouped-query attention in which a token sees its parent
/// prefix and, causally, its own segment (<see cref="Segment"/>); with <see cref="Window"/>, of these the last ones of its sequence alone.
/// </summary>
/// <param name="Layout">Segments.</param>
/// <param name="Q"><c>[T, H * D]</c>, or <c>[rows, H * D]</c> with <see cref="QueryRows"/>; rows may be strided.</param>
/// <param name="K"><c>[T, G * D]</c>; rows may be strided.</param>
/// <param name="V"><c>[T, G * D]</c>; rows may be strided.</param>
/// <param name="HeadDim">D.</param>
/// <param name="Scale">1 / sqrt(D).</param>
/// <param name="O">Shape of Q, =; rows may be strided.</param>
/// <param name="Lse"><c>[rows of Q, H]</c>, float32, =: log of the sum of exponentials, for backward.</param>
public sealed record AttentionForwardArgs(
    PreparedLayout Layout, Tensor Q, Tensor K, Tensor V, int HeadDim, float Scale, Tensor O, Tensor Lse)
{
    /// <summary>
    /// Token row of each row of Q, ascending within a segment; null when Q has all T tokens. The last layer asks for reward rows only.
    /// </summary>
    public int[]? QueryRows { get; init; }

    /// <summary>Keys that a token sees, counted from itself backwards along its sequence; 0 for all.</summary>
    public int Window { get; init; }

    /// <summary>c: scores become c * tanh(score / c) before the softmax (Gemma 2); 0 for none.</summary>
    public float Softcap { get; init; }
}

/// <summary>Gradient of <see cref="AttentionForwardArgs"/>.</summary>
/// <param name="Layout">Segments.</param>
/// <param name="DO">Shape of Q.</param>
/// <param name="Q">As in forward.</param>
/// <param name="K">As in forward.</param>
/// <param name="V">As in forward.</param>
/// <param name="O">As forward wrote it.</param>
/// <param name="Lse">As forward wrote it.</param>
/// <param name="HeadDim">D.</param>
/// <param name="Scale">1 / sqrt(D).</param>
/// <param name="DQ">Shape of Q, =; rows may be strided.</param>
/// <param name="DK"><c>[T, G * D]</c>, =; rows may be strided; zero where no query looks.</param>
/// <param name="DV"><c>[T, G * D]</c>, =; rows may be strided.</param>
/// <param name="Scratch">For temporaries.</param>
public sealed record AttentionBackwardArgs(
    PreparedLayout Layout, Tensor DO, Tensor Q, Tensor K, Tensor V, Tensor O, Tensor Lse, int HeadDim, float Scale, Tensor DQ, Tensor DK,
    Tensor DV, TensorArena Scratch)
{
    /// <summary>Token row of each row of Q; null when Q has all T tokens.</summary>
    public int[]? QueryRows { get; init; }

    /// <summary>As in forward.</summary>
    public int Window { get; init; }

    /// <summary>As in forward.</summary>
    public float Softcap { get; init; }
}
