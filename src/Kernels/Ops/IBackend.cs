using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>
/// The operations that the model, the loss and the optimizer are written against, once for every device.
/// Shapes: T tokens of the micro-batch, C hidden size, F intermediate size, H query heads, G key/value heads, D head size,
/// S sequences (a reward row each), n pairs, r LoRA rank, R a sum of ranks. Activations have <see cref="ActivationDType"/>; parameters
/// under training, gradients, optimizer state, norms' rstd, rewards and losses are float32. Every operation is deterministic, and the
/// result of a row depends on that row's sequence alone, to the bit. Arguments say for each output whether it is assigned (=) or added to
/// (+=). Calls are ordered; on an asynchronous device they may return before the work is done, and <see cref="Download{T}"/> waits.
/// </summary>
public interface IBackend : IDisposable
{
    /// <summary>What the device is, for run.json and the console: "cpu, AVX-512, 2 threads".</summary>
    string Description { get; }

    /// <summary>Storage type of activations and frozen weights' arithmetic inputs.</summary>
    DType ActivationDType { get; }

    /// <summary>The operations of gated delta nets, or null where the device has none of them.</summary>
    IDeltaNetOperations? DeltaNets => null;

    /// <summary>The operations of mixtures of experts, or null where the device has none of them.</summary>
    IExpertOperations? Experts => null;

    /// <summary>Bytes of the device's memory that are free now, as far as the system says; for the CPU, the system's own.</summary>
    long FreeMemory { get; }

    /// <summary>A backend like this one that only counts what it is asked for.</summary>
    /// <param name="weights">Type of the frozen weights that will be loaded; the CPU keeps bfloat16 ones in half the memory.</param>
    IDryRun DryRun(DType weights);

    /// <summary>Whether <paramref name="failure"/> says that the device's memory is used up: less at once may still work.</summary>
    bool IsOutOfMemory(Exception failure);

    /// <summary>Memory that lives until it is disposed: parameters, optimizer state. Contents are zero.</summary>
    Tensor AllocatePersistent(DType dtype, Shape shape);

    /// <summary>A stack allocator for activations and temporaries.</summary>
    TensorArena CreateArena();

    /// <summary>Host to device; element types must match, the tensor must be contiguous.</summary>
    void Upload<T>(ReadOnlySpan<T> source, Tensor destination)
        where T : unmanaged;

    /// <summary>Device to host, after all work that was asked for before.</summary>
    void Download<T>(Tensor source, Span<T> destination)
        where T : unmanaged;

    /// <summary>Every element = <paramref name="value"/>.</summary>
    void Fill(Tensor destination, float value);

    /// <summary>Device to device, same shape and type.</summary>
    void Copy(Tensor source, Tensor destination);

    /// <summary>Waits until all work asked for is done.</summary>
    void Synchronize();

    /// <summary>A frozen matrix <c>[outFeatures, inFeatures]</c>, to be filled with <see cref="LinearWeight.Load"/>.</summary>
    /// <param name="outFeatures">Rows: features of y.</param>
    /// <param name="inFeatures">Columns: features of x.</param>
    /// <param name="needsInputGradient">Whether <see cref="LinearBackward"/> will ask for dX.</param>
    LinearWeight CreateFrozenWeight(int outFeatures, int inFeatures, bool needsInputGradient);

    /// <summary>
    /// A frozen matrix <c>[outFeatures, inFeatures]</c> that stays in few bits, to be filled with <see cref="LowBitWeight.LoadRows"/>; null
    /// where the device keeps no such form, and the values are to be loaded into <see cref="CreateFrozenWeight"/>.
    /// </summary>
    LowBitWeight? CreateLowBitWeight(int outFeatures, int inFeatures, LowBitLayout layout, LowBitTables tables) => null;

    /// <summary>
    /// A matrix under training, whose float32 master <c>[outFeatures, inFeatures]</c> is a range of the flat parameter buffer.
    /// </summary>
    LinearWeight CreateTrainableWeight(Tensor master);

    /// <summary>Brings what the backend derived from a trainable weight up to date after the optimizer has changed it.</summary>
    void Refresh(LinearWeight weight);

    /// <summary>Makes a packed micro-batch known to the device.</summary>
    PreparedLayout Prepare(SequenceLayout layout);

    /// <summary>Looks up embeddings.</summary>
    void EmbeddingForward(EmbeddingForwardArgs args);

    /// <summary>Gradient of the embedding table, for full fine-tuning.</summary>
    void EmbeddingBackward(EmbeddingBackwardArgs args);

    /// <summary>Root-mean-square normalisation of rows.</summary>
    void RmsNormForward(RmsNormForwardArgs args);

    /// <summary>Gradient of <see cref="RmsNormForward"/>, added to the residual stream's gradient.</summary>
    void RmsNormBackward(RmsNormBackwardArgs args);

    /// <summary>Linear layer with bias, residual and LoRA.</summary>
    void LinearForward(LinearForwardArgs args);

    /// <summary>Gradients of <see cref="LinearForward"/>.</summary>
    void LinearBackward(LinearBackwardArgs args);

    /// <summary>RMSNorm of each head (Qwen3's q_norm and k_norm).</summary>
    void HeadNormForward(HeadNormForwardArgs args);

    /// <summary>Gradient of <see cref="HeadNormForward"/>.</summary>
    void HeadNormBackward(HeadNormBackwardArgs args);

    /// <summary>Cosines and sines of rotary embedding for the positions of a micro-batch.</summary>
    void RopeTable(RopeTableArgs args);

    /// <summary>Rotates heads in place, forwards or (for gradients) backwards.</summary>
    void RopeApply(RopeApplyArgs args);

    /// <summary>Grouped-query causal attention over the segments of a micro-batch.</summary>
    void AttentionForward(AttentionForwardArgs args);

    /// <summary>Gradient of <see cref="AttentionForward"/>.</summary>
    void AttentionBackward(AttentionBackwardArgs args);

    /// <summary>act(gate) * up.</summary>
    void SwiGluForward(SwiGluForwardArgs args);

    /// <summary>Gradient of <see cref="SwiGluForward"/>.</summary>
    void SwiGluBackward(SwiGluBackwardArgs args);

    /// <summary>Scales a matrix and adds another: multipliers, residuals past a norm, magnitudes.</summary>
    void ScaleAdd(ScaleAddArgs args);

    /// <summary>Inner products of columns: the gradient of <see cref="ScaleAddArgs.ColumnScale"/>.</summary>
    void ColumnDot(ColumnDotArgs args);

    /// <summary>Picks rows.</summary>
    void GatherRows(GatherRowsArgs args);

    /// <summary>Adds rows back to where <see cref="GatherRows"/> took them from.</summary>
    void ScatterAddRows(ScatterAddRowsArgs args);

    /// <summary>The scalar head.</summary>
    void RewardHeadForward(RewardHeadForwardArgs args);

    /// <summary>Gradient of <see cref="RewardHeadForward"/>.</summary>
    void RewardHeadBackward(RewardHeadBackwardArgs args);

    /// <summary>Bradley-Terry loss of pairs and its gradient.</summary>
    void PairLoss(PairLossArgs args);

    /// <summary>Loss of rankings of several answers, pairwise or Plackett-Luce, and its gradient.</summary>
    void RankingLoss(RankingLossArgs args);

    /// <summary>
    /// L2 norm of a float32 buffer, summed in a fixed order in double precision on the CPU and in two fixed stages elsewhere.
    /// </summary>
    double Norm(Tensor values);

    /// <summary>One AdamW step on ranges of the flat parameter buffer.</summary>
    void AdamW(AdamWArgs args);
}
