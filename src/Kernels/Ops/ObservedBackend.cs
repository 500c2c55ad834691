using Rm.Kernels.Tensors;

namespace Rm.Kernels.Ops;

/// <summary>Told of every operation of an <see cref="ObservedBackend"/>, in the order of the calls.</summary>
public interface IOperationObserver
{
    /// <summary>An operation is about to be asked for.</summary>
    void Begin(string operation);

    /// <summary>It has been asked for; on an asynchronous device it may not have run yet.</summary>
    void End(string operation);
}

/// <summary>
/// Another backend with someone watching: timing by operation, and faults that tests plant by overriding. Tensors, weights and layouts are
/// the other backend's own.
/// </summary>
/// <param name="inner">Does the work; not owned.</param>
/// <param name="observer">Watches, or null.</param>
public class ObservedBackend(IBackend inner, IOperationObserver? observer) : IBackend, IRandomFill
{
    /// <inheritdoc/>
    public string Description => inner.Description;

    /// <inheritdoc/>
    public DType ActivationDType => inner.ActivationDType;

    /// <inheritdoc/>
    public virtual IDeltaNetOperations? DeltaNets => inner.DeltaNets is { } operations ? new ObservedDeltaNets(operations, observer) : null;

    /// <inheritdoc/>
    public virtual IExpertOperations? Experts => inner.Experts is { } operations ? new ObservedExperts(operations, observer) : null;

    /// <inheritdoc/>
    public long FreeMemory => inner.FreeMemory;

    /// <inheritdoc/>
    public IDryRun DryRun(DType weights) => inner.DryRun(weights);

    /// <inheritdoc/>
    public bool IsOutOfMemory(Exception failure) => inner.IsOutOfMemory(failure);

    /// <inheritdoc/>
    public bool TryFillRandom(Tensor destination, float range, ulong seed) =>
        inner is IRandomFill device && device.TryFillRandom(destination, range, seed);

    /// <inheritdoc/>
    public bool TryFillRandom(LinearWeight destination, float range, ulong seed) =>
        inner is IRandomFill device && device.TryFillRandom(destination, range, seed);

    /// <inheritdoc/>
    public Tensor AllocatePersistent(DType dtype, Shape shape) => inner.AllocatePersistent(dtype, shape);

    /// <inheritdoc/>
    public TensorArena CreateArena() => inner.CreateArena();

    /// <inheritdoc/>
    public void Upload<T>(ReadOnlySpan<T> source, Tensor destination)
        where T : unmanaged
    {
        observer?.Begin(nameof(Upload));
        inner.Upload(source, destination);
        observer?.End(nameof(Upload));
    }

    /// <inheritdoc/>
    public void Download<T>(Tensor source, Span<T> destination)
        where T : unmanaged
    {
        observer?.Begin(nameof(Download));
        inner.Download(source, destination);
        observer?.End(nameof(Download));
    }

    /// <inheritdoc/>
    public void Synchronize() => inner.Synchronize();

    /// <inheritdoc/>
    public LinearWeight CreateFrozenWeight(int outFeatures, int inFeatures, bool needsInputGradient) =>
        inner.CreateFrozenWeight(outFeatures, inFeatures, needsInputGradient);

    /// <inheritdoc/>
    public virtual LowBitWeight? CreateLowBitWeight(int outFeatures, int inFeatures, LowBitLayout layout, LowBitTables tables) =>
        inner.CreateLowBitWeight(outFeatures, inFeatures, layout, tables);

    /// <inheritdoc/>
    public LinearWeight CreateTrainableWeight(Tensor master) => inner.CreateTrainableWeight(master);

    /// <inheritdoc/>
    public void Refresh(LinearWeight weight) => Observe(nameof(Refresh), inner.Refresh, weight);

    /// <inheritdoc/>
    public PreparedLayout Prepare(SequenceLayout layout)
    {
        observer?.Begin(nameof(Prepare));
        PreparedLayout prepared = inner.Prepare(layout);
        observer?.End(nameof(Prepare));
        return prepared;
    }

    /// <inheritdoc/>
    public virtual void Fill(Tensor destination, float value)
    {
        observer?.Begin(nameof(Fill));
        inner.Fill(destination, value);
        observer?.End(nameof(Fill));
    }

    /// <inheritdoc/>
    public virtual void Copy(Tensor source, Tensor destination)
    {
        observer?.Begin(nameof(Copy));
        inner.Copy(source, destination);
        observer?.End(nameof(Copy));
    }

    /// <inheritdoc/>
    public virtual double Norm(Tensor values)
    {
        observer?.Begin(nameof(Norm));
        double norm = inner.Norm(values);
        observer?.End(nameof(Norm));
        return norm;
    }

    /// <inheritdoc/>
    public virtual void EmbeddingForward(EmbeddingForwardArgs args) => Observe(nameof(EmbeddingForward), inner.EmbeddingForward, args);

    /// <inheritdoc/>
    public virtual void EmbeddingBackward(EmbeddingBackwardArgs args) => Observe(nameof(EmbeddingBackward), inner.EmbeddingBackward, args);

    /// <inheritdoc/>
    public virtual void RmsNormForward(RmsNormForwardArgs args) => Observe(nameof(RmsNormForward), inner.RmsNormForward, args);

    /// <inheritdoc/>
    public virtual void RmsNormBackward(RmsNormBackwardArgs args) => Observe(nameof(RmsNormBackward), inner.RmsNormBackward, args);

    /// <inheritdoc/>
    public virtual void LinearForward(LinearForwardArgs args) => Observe(nameof(LinearForward), inner.LinearForward, args);

    /// <inheritdoc/>
    public virtual void LinearBackward(LinearBackwardArgs args) => Observe(nameof(LinearBackward), inner.LinearBackward, args);

    /// <inheritdoc/>
    public virtual void HeadNormForward(HeadNormForwardArgs args) => Observe(nameof(HeadNormForward), inner.HeadNormForward, args);

    /// <inheritdoc/>
    public virtual void HeadNormBackward(HeadNormBackwardArgs args) => Observe(nameof(HeadNormBackward), inner.HeadNormBackward, args);

    /// <inheritdoc/>
    public virtual void RopeTable(RopeTableArgs args) => Observe(nameof(RopeTable), inner.RopeTable, args);

    /// <inheritdoc/>
    public virtual void RopeApply(RopeApplyArgs args) => Observe(nameof(RopeApply), inner.RopeApply, args);

    /// <inheritdoc/>
    public virtual void AttentionForward(AttentionForwardArgs args) => Observe(nameof(AttentionForward), inner.AttentionForward, args);

    /// <inheritdoc/>
    public virtual void AttentionBackward(AttentionBackwardArgs args) => Observe(nameof(AttentionBackward), inner.AttentionBackward, args);

    /// <inheritdoc/>
    public virtual void SwiGluForward(SwiGluForwardArgs args) => Observe(nameof(SwiGluForward), inner.SwiGluForward, args);

    /// <inheritdoc/>
    public virtual void SwiGluBackward(SwiGluBackwardArgs args) => Observe(nameof(SwiGluBackward), inner.SwiGluBackward, args);

    /// <inheritdoc/>
    public virtual void ScaleAdd(ScaleAddArgs args) => Observe(nameof(ScaleAdd), inner.ScaleAdd, args);

    /// <inheritdoc/>
    public virtual void ColumnDot(ColumnDotArgs args) => Observe(nameof(ColumnDot), inner.ColumnDot, args);

    /// <inheritdoc/>
    public virtual void GatherRows(GatherRowsArgs args) => Observe(nameof(GatherRows), inner.GatherRows, args);

    /// <inheritdoc/>
    public virtual void ScatterAddRows(ScatterAddRowsArgs args) => Observe(nameof(ScatterAddRows), inner.ScatterAddRows, args);

    /// <inheritdoc/>
    public virtual void RewardHeadForward(RewardHeadForwardArgs args) => Observe(nameof(RewardHeadForward), inner.RewardHeadForward, args);

    /// <inheritdoc/>
    public virtual void RewardHeadBackward(RewardHeadBackwardArgs args) =>
        Observe(nameof(RewardHeadBackward), inner.RewardHeadBackward, args);

    /// <inheritdoc/>
    public virtual void PairLoss(PairLossArgs args) => Observe(nameof(PairLoss), inner.PairLoss, args);

    /// <inheritdoc/>
    public virtual void RankingLoss(RankingLossArgs args) => Observe(nameof(RankingLoss), inner.RankingLoss, args);

    /// <inheritdoc/>
    public virtual void AdamW(AdamWArgs args) => Observe(nameof(AdamW), inner.AdamW, args);

    /// <summary>Leaves the other backend alone: it belongs to who made it.</summary>
    public void Dispose() => GC.SuppressFinalize(this);

    private void Observe<T>(string operation, Action<T> run, T args)
    {
        observer?.Begin(operation);
        run(args);
        observer?.End(operation);
    }
}
