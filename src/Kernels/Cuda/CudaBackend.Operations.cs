using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <content>Each operation's launcher.</content>
public sealed partial class CudaBackend
{
    /// <inheritdoc/>
    public IExpertOperations Experts => _experts;

    /// <inheritdoc/>
    public void Fill(Tensor destination, float value) => _rows.Fill(destination, value);

    /// <inheritdoc/>
    public void Copy(Tensor source, Tensor destination) => _rows.Copy(source, destination);

    /// <inheritdoc/>
    public void EmbeddingForward(EmbeddingForwardArgs args) => _embedding.Forward(args);

    /// <inheritdoc/>
    public void EmbeddingBackward(EmbeddingBackwardArgs args) => _embedding.Backward(args);

    /// <inheritdoc/>
    public void RmsNormForward(RmsNormForwardArgs args) => _rmsNorm.Forward(args);

    /// <inheritdoc/>
    public void RmsNormBackward(RmsNormBackwardArgs args) => _rmsNorm.Backward(args);

    /// <inheritdoc/>
    public void HeadNormForward(HeadNormForwardArgs args) => _headNorm.Forward(args);

    /// <inheritdoc/>
    public void HeadNormBackward(HeadNormBackwardArgs args) => _headNorm.Backward(args);

    /// <inheritdoc/>
    public void RopeTable(RopeTableArgs args) => _rope.Table(args);

    /// <inheritdoc/>
    public void RopeApply(RopeApplyArgs args) => _rope.Apply(args);

    /// <inheritdoc/>
    public void SwiGluForward(SwiGluForwardArgs args) => _swiGlu.Forward(args);

    /// <inheritdoc/>
    public void SwiGluBackward(SwiGluBackwardArgs args) => _swiGlu.Backward(args);

    /// <inheritdoc/>
    public void ScaleAdd(ScaleAddArgs args) => _scaleAdd.Forward(args);

    /// <inheritdoc/>
    public void ColumnDot(ColumnDotArgs args) => _scaleAdd.ColumnDot(args);

    /// <inheritdoc/>
    public void GatherRows(GatherRowsArgs args) => _rows.Gather(args);

    /// <inheritdoc/>
    public void ScatterAddRows(ScatterAddRowsArgs args) => _rows.ScatterAdd(args);

    /// <inheritdoc/>
    public void RewardHeadForward(RewardHeadForwardArgs args) => _rewardHead.Forward(args);

    /// <inheritdoc/>
    public void RewardHeadBackward(RewardHeadBackwardArgs args) => _rewardHead.Backward(args);

    /// <inheritdoc/>
    public void PairLoss(PairLossArgs args) => _pairLoss.Run(args);

    /// <inheritdoc/>
    public void RankingLoss(RankingLossArgs args) => _rankingLoss.Run(args);

    /// <inheritdoc/>
    public double Norm(Tensor values) => _norm.Run(values);

    /// <inheritdoc/>
    public void AdamW(AdamWArgs args) => _adamW.Run(args);

    /// <inheritdoc/>
    public LinearWeight CreateFrozenWeight(int outFeatures, int inFeatures, bool needsInputGradient) =>
        _linear.CreateFrozenWeight(outFeatures, inFeatures);

    /// <inheritdoc/>
    public LowBitWeight? CreateLowBitWeight(int outFeatures, int inFeatures, LowBitLayout layout, LowBitTables tables) =>
        _linear.CreateLowBitWeight(outFeatures, inFeatures, layout, tables);

    /// <inheritdoc/>
    public LinearWeight CreateTrainableWeight(Tensor master) => _linear.CreateTrainableWeight(master);

    /// <inheritdoc/>
    public void Refresh(LinearWeight weight) => _linear.Refresh(weight);

    /// <inheritdoc/>
    public void LinearForward(LinearForwardArgs args) => _linear.Forward(args);

    /// <inheritdoc/>
    public void LinearBackward(LinearBackwardArgs args) => _linear.Backward(args);

    /// <inheritdoc/>
    public void AttentionForward(AttentionForwardArgs args) => _attention.Forward(args);

    /// <inheritdoc/>
    public void AttentionBackward(AttentionBackwardArgs args) => _attention.Backward(args);
}
