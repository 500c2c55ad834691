using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>Sizes of a gated delta rule, and the length of the pieces it is computed in.</summary>
/// <param name="KeyHeads">Hk.</param>
/// <param name="ValueHeads">Hv, a multiple of Hk: value head h reads key head h / (Hv / Hk).</param>
/// <param name="KeyDim">Dk.</param>
/// <param name="ValueDim">Dv.</param>
public sealed record DeltaRuleShape(int KeyHeads, int ValueHeads, int KeyDim, int ValueDim)
{
    /// <summary>
    /// Tokens of a chunk; it divides <see cref="SequenceLayoutBuilder.PrefixBlock"/>, so that an exact prefix ends with a chunk.
    /// </summary>
    public int Chunk { get; init; } = 64;

    /// <summary>Added to the square sum when queries and keys are brought to unit length.</summary>
    public float Epsilon { get; init; } = 1e-6f;

    /// <summary>Columns of <see cref="DeltaRuleForwardArgs.Qkv"/>: queries, keys, values.</summary>
    public int QkvColumns => (2 * KeyHeads * KeyDim) + ValueColumns;

    /// <summary>Columns of the output.</summary>
    public int ValueColumns => ValueHeads * ValueDim;

    /// <summary>Columns of the chunk states: S of every value head, <c>[Dk, Dv]</c> each.</summary>
    public int StateColumns => ValueHeads * KeyDim * ValueDim;

    /// <summary>Chunks of a micro-batch: every segment's, each begun at the segment's own start.</summary>
    public int ChunkCount(SequenceLayout layout) => layout.Segments.Sum(s => (s.Length + Chunk - 1) / Chunk);

    /// <summary>Throws unless the sizes make sense.</summary>
    /// <exception cref="ArgumentException">They do not.</exception>
    public void Check()
    {
        if (KeyHeads < 1 || KeyDim < 1 || ValueDim < 1 || ValueHeads < 1 || ValueHeads % KeyHeads != 0 || Chunk is not (16 or 32 or 64))
        {
            throw new ArgumentException(
                $"A delta rule needs value heads that are a multiple of its key heads and chunks of 16, 32 or 64: {this}.");
        }
    }
}

/// <summary>
/// The gated delta rule (Yang, Kautz and Hatamizadeh 2024) over each sequence and value head, S <c>[Dk, Dv]</c> zero at the start:
/// P = e^g S; u = beta (v - P^T k); S = P + k u^T; o = S^T q, with q and k at unit length, q also divided by sqrt(Dk), beta = sigmoid(B),
/// g = -exp(ALog) softplus(A + DtBias). A tail begins with the state at its prefix's end (<see cref="Segment"/>). Computed in float32, in
/// chunks.
/// </summary>
/// <param name="Layout">Segments.</param>
/// <param name="Shape">Sizes.</param>
/// <param name="Qkv"><c>[T, 2 Hk Dk + Hv Dv]</c>: queries, keys, values; rows may be strided.</param>
/// <param name="A"><c>[T, Hv]</c>; rows may be strided.</param>
/// <param name="B"><c>[T, Hv]</c>; rows may be strided.</param>
/// <param name="ALog"><c>[Hv]</c>, float32.</param>
/// <param name="DtBias"><c>[Hv]</c>, float32.</param>
/// <param name="O"><c>[T, Hv Dv]</c>, =; rows may be strided.</param>
/// <param name="States">
/// <c>[chunks, Hv Dk Dv]</c>, float32, =: S at the start of every chunk, for backward; null where none follows.
/// </param>
public sealed record DeltaRuleForwardArgs(
    PreparedLayout Layout, DeltaRuleShape Shape, Tensor Qkv, Tensor A, Tensor B, Tensor ALog, Tensor DtBias, Tensor O, Tensor? States);

/// <summary>
/// Gradient of <see cref="DeltaRuleForwardArgs"/>. The state at a prefix's end receives the sum over its tails, in row order.
/// </summary>
/// <param name="Layout">Segments.</param>
/// <param name="Shape">Sizes.</param>
/// <param name="DO"><c>[T, Hv Dv]</c>; rows may be strided.</param>
/// <param name="Qkv">As in forward.</param>
/// <param name="A">As in forward.</param>
/// <param name="B">As in forward.</param>
/// <param name="ALog">As in forward.</param>
/// <param name="DtBias">As in forward.</param>
/// <param name="States">As forward wrote them.</param>
/// <param name="DQkv">Shape of Qkv, =; rows may be strided; may not alias Qkv.</param>
/// <param name="DA">Shape of A, =; rows may be strided; may not alias A.</param>
/// <param name="DB">Shape of B, =; rows may be strided; may not alias B.</param>
/// <param name="DALog"><c>[Hv]</c>, float32, +=; null when it is frozen.</param>
/// <param name="DDtBias"><c>[Hv]</c>, float32, +=; null when it is frozen.</param>
/// <param name="Scratch">For temporaries.</param>
public sealed record DeltaRuleBackwardArgs(
    PreparedLayout Layout, DeltaRuleShape Shape, Tensor DO, Tensor Qkv, Tensor A, Tensor B, Tensor ALog, Tensor DtBias, Tensor States,
    Tensor DQkv,
    Tensor DA, Tensor DB, Tensor? DALog, Tensor? DDtBias, TensorArena Scratch);
