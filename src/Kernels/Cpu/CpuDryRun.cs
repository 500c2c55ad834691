using Rm.Kernels.Cpu.Attention;
using Rm.Kernels.Cpu.Gemm;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cpu;

/// <summary>
/// A <see cref="CpuBackend"/> that computes nothing and counts memory: tensors, packed weights, the arena, and the workspace at the size
/// that the largest operation leaves it with. Not counted: the threads' own few hundred kilobytes of tiles.
/// </summary>
/// <param name="weights">Type of the frozen weights: bfloat16 ones are packed at half the size.</param>
public sealed class CpuDryRun(DType weights) : IDryRun, IBackend, IDeltaNetOperations, IExpertOperations
{
    private readonly CpuMemory _memory = new();
    private long _workspaceFloats;

    /// <inheritdoc/>
    public IBackend Backend => this;

    /// <inheritdoc/>
    public long AllocatedBytes => _memory.AllocatedBytes;

    /// <inheritdoc/>
    public long PeakAllocatedBytes => _memory.PeakBytes;

    /// <inheritdoc/>
    public long StagingBytes => 0;

    /// <inheritdoc/>
    public string Description => "a dry run of the CPU";

    /// <inheritdoc/>
    public DType ActivationDType => DType.F32;

    /// <inheritdoc/>
    public IDeltaNetOperations DeltaNets => this;

    /// <inheritdoc/>
    public IExpertOperations Experts => this;

    /// <inheritdoc/>
    public long FreeMemory => SystemMemory.Free;

    /// <inheritdoc/>
    public IDryRun DryRun(DType weights) => new CpuDryRun(weights);

    /// <inheritdoc/>
    public bool IsOutOfMemory(Exception failure) => false;

    /// <inheritdoc/>
    public Tensor AllocatePersistent(DType dtype, Shape shape) => new(new Counted(_memory, _memory.SizeOf(dtype, shape)), 0, dtype, shape);

    /// <inheritdoc/>
    public TensorArena CreateArena() => new CountingArena();

    /// <inheritdoc/>
    public LinearWeight CreateFrozenWeight(int outFeatures, int inFeatures, bool needsInputGradient)
    {
        long panels = PackedMatrix.SizeOf(inFeatures, outFeatures, Storage)
            + (needsInputGradient ? PackedMatrix.SizeOf(outFeatures, inFeatures, Storage) : 0);

        // Rows are staged in float32 until the last one is there.
        long staging = (long)outFeatures * inFeatures * sizeof(float);
        _memory.Track(staging + panels);
        _memory.Track(-staging);
        return new Weight(_memory, outFeatures, inFeatures, panels, isTrainable: false);
    }

    /// <inheritdoc/>
    public LinearWeight CreateTrainableWeight(Tensor master) => new Weight(_memory, master.Rows, master.Columns, 0, isTrainable: true);

    /// <inheritdoc/>
    public PreparedLayout Prepare(SequenceLayout layout) => new CpuPreparedLayout(layout);

    /// <inheritdoc/>
    public void LinearForward(LinearForwardArgs args)
    {
        if (args.Lora is { } lora)
        {
            Need((long)args.Weight.OutFeatures * lora.TotalRank);
            Need(lora.Dropout is null ? 0 : (long)CpuBackend.DropoutRows * args.X.Columns);
        }
    }

    /// <inheritdoc/>
    public void LinearBackward(LinearBackwardArgs args)
    {
        if (args.Lora is { } lora)
        {
            long mark = args.Scratch.Mark;
            args.Scratch.Allocate(DType.F32, new Shape(args.DY.Rows, lora.TotalRank));
            args.Scratch.Release(mark);
            Need((long)lora.TotalRank * Math.Max(args.Weight.OutFeatures, args.Weight.InFeatures));
            Need(lora.Dropout is null ? 0 : (long)CpuBackend.DropoutRows * args.Weight.InFeatures);
        }
    }

    /// <inheritdoc/>
    public void AttentionForward(AttentionForwardArgs args) => NeedAttention(args.Layout, args.K, args.HeadDim);

    /// <inheritdoc/>
    public void AttentionBackward(AttentionBackwardArgs args) => NeedAttention(args.Layout, args.K, args.HeadDim);

    /// <inheritdoc/>
    public void Upload<T>(ReadOnlySpan<T> source, Tensor destination)
        where T : unmanaged
    {
    }

    /// <inheritdoc/>
    public void Download<T>(Tensor source, Span<T> destination)
        where T : unmanaged => destination.Clear();

    /// <inheritdoc/>
    public void Fill(Tensor destination, float value)
    {
    }

    /// <inheritdoc/>
    public void Copy(Tensor source, Tensor destination)
    {
    }

    /// <inheritdoc/>
    public void Synchronize()
    {
    }

    /// <inheritdoc/>
    public void Refresh(LinearWeight weight)
    {
    }

    /// <inheritdoc/>
    public void EmbeddingForward(EmbeddingForwardArgs args)
    {
    }

    /// <inheritdoc/>
    public void EmbeddingBackward(EmbeddingBackwardArgs args)
    {
    }

    /// <inheritdoc/>
    public void RmsNormForward(RmsNormForwardArgs args)
    {
    }

    /// <inheritdoc/>
    public void RmsNormBackward(RmsNormBackwardArgs args)
    {
    }

    /// <inheritdoc/>
    public void HeadNormForward(HeadNormForwardArgs args)
    {
    }

    /// <inheritdoc/>
    public void HeadNormBackward(HeadNormBackwardArgs args)
    {
    }

    /// <inheritdoc/>
    public void RopeTable(RopeTableArgs args)
    {
    }

    /// <inheritdoc/>
    public void RopeApply(RopeApplyArgs args)
    {
    }

    /// <inheritdoc/>
    public void SwiGluForward(SwiGluForwardArgs args)
    {
    }

    /// <inheritdoc/>
    public void SwiGluBackward(SwiGluBackwardArgs args)
    {
    }

    /// <inheritdoc/>
    public void CausalConvForward(CausalConvForwardArgs args) => Need(args.W.Shape.Count);

    /// <inheritdoc/>
    public void CausalConvBackward(CausalConvBackwardArgs args) => Need(args.W.Shape.Count);

    /// <inheritdoc/>
    public void DeltaRuleForward(DeltaRuleForwardArgs args)
    {
    }

    /// <inheritdoc/>
    public void DeltaRuleBackward(DeltaRuleBackwardArgs args) =>
        Need(2L * ((CpuPreparedLayout)args.Layout).Keys.Families.Length * args.Shape.ValueHeads);

    /// <inheritdoc/>
    public void SigmoidGateForward(SigmoidGateForwardArgs args)
    {
    }

    /// <inheritdoc/>
    public void SigmoidGateBackward(SigmoidGateBackwardArgs args)
    {
    }

    /// <inheritdoc/>
    public void RouteForward(RouteForwardArgs args)
    {
    }

    /// <inheritdoc/>
    public void RouteBackward(RouteBackwardArgs args)
    {
    }

    /// <inheritdoc/>
    public void ExpertSumForward(ExpertSumForwardArgs args)
    {
    }

    /// <inheritdoc/>
    public void ExpertSumBackward(ExpertSumBackwardArgs args)
    {
    }

    /// <inheritdoc/>
    public void ExpertDot(ExpertDotArgs args)
    {
    }

    /// <inheritdoc/>
    public void ScaleAdd(ScaleAddArgs args)
    {
    }

    /// <inheritdoc/>
    public void ColumnDot(ColumnDotArgs args)
    {
    }

    /// <inheritdoc/>
    public void GatherRows(GatherRowsArgs args)
    {
    }

    /// <inheritdoc/>
    public void ScatterAddRows(ScatterAddRowsArgs args)
    {
    }

    /// <inheritdoc/>
    public void RewardHeadForward(RewardHeadForwardArgs args)
    {
    }

    /// <inheritdoc/>
    public void RewardHeadBackward(RewardHeadBackwardArgs args)
    {
    }

    /// <inheritdoc/>
    public void PairLoss(PairLossArgs args)
    {
    }

    /// <inheritdoc/>
    public void RankingLoss(RankingLossArgs args)
    {
    }

    /// <inheritdoc/>
    public double Norm(Tensor values) => 0;

    /// <inheritdoc/>
    public void AdamW(AdamWArgs args)
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private DType Storage => weights == DType.BF16 ? DType.BF16 : DType.F32;

    private void NeedAttention(PreparedLayout layout, Tensor keys, int headDim) =>
        Need(AttentionProblem.BackwardFloats(((CpuPreparedLayout)layout).Keys.MostPaddedRows, keys.Columns / headDim, headDim));

    private void Need(long floats)
    {
        if (floats > _workspaceFloats)
        {
            _memory.Track(CpuWorkspace.SizeOf(floats) - CpuWorkspace.SizeOf(_workspaceFloats));
            _workspaceFloats = floats;
        }
    }

    private sealed class Counted : TensorStorage
    {
        private readonly CpuMemory _memory;

        public Counted(CpuMemory memory, long bytes)
            : base(bytes)
        {
            _memory = memory;
            memory.Track(bytes);
        }

        internal override nint Address => 1 << 20;

        protected override void Dispose(bool disposing) => _memory.Track(-ByteLength);
    }

    private sealed class Weight(CpuMemory memory, int outFeatures, int inFeatures, long bytes, bool isTrainable)
        : LinearWeight(outFeatures, inFeatures)
    {
        public override bool IsTrainable => isTrainable;

        public override void Load(int firstRow, ReadOnlySpan<float> values)
        {
        }

        protected override void Dispose(bool disposing) => memory.Track(-bytes);
    }
}
