using Rm.Kernels.Cuda;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>
/// The CUDA operations that exist behind the interface of the conformance cases, so that a case is declared once for every device.
/// Asking for one that has no kernel yet is a failure of the test that asks.
/// </summary>
internal sealed class CudaPiecesBackend : IBackend
{
    private readonly List<IDisposable> _owned = [];
    private readonly CudaRmsNorm _rmsNorm;
    private readonly CudaSwiGlu _swiGlu;
    private CudaLinear? _linear;
    private CudaAttention? _attention;

    public CudaPiecesBackend(CudaSession session, DType activation)
    {
        Session = session;
        ActivationDType = activation;
        _rmsNorm = new CudaRmsNorm(session, activation);
        _swiGlu = new CudaSwiGlu(session, activation);
    }

    public CudaSession Session { get; }

    // Its kernels have bfloat16 operands only.
    private CudaLinear Linear => _linear ??= new CudaLinear(Session);

    private CudaAttention Attention => _attention ??= new CudaAttention(Session, ActivationDType);

    public string Description => Session.Device.ToString();

    public DType ActivationDType { get; }

    public Tensor AllocatePersistent(DType dtype, Shape shape)
    {
        CudaStorage storage = new(Session.Device, shape.Count * dtype.Size());
        _owned.Add(storage);
        Session.Stream.Zero(storage.Address, storage.ByteLength);
        return new Tensor(storage, 0, dtype, shape);
    }

    public TensorArena CreateArena() => new CudaArena(Session.Device, blockBytes: 0);

    public void Upload<T>(ReadOnlySpan<T> source, Tensor destination)
        where T : unmanaged => Session.Transfers.Upload(source, destination);

    public void Download<T>(Tensor source, Span<T> destination)
        where T : unmanaged => Session.Transfers.Download(source, destination);

    public void Synchronize() => Session.Stream.Synchronize();

    public PreparedLayout Prepare(SequenceLayout layout) => new Layout(layout);

    public void RmsNormForward(RmsNormForwardArgs args) => _rmsNorm.Forward(args);

    public void RmsNormBackward(RmsNormBackwardArgs args) => _rmsNorm.Backward(args);

    public void SwiGluForward(SwiGluForwardArgs args) => _swiGlu.Forward(args);

    public void SwiGluBackward(SwiGluBackwardArgs args) => _swiGlu.Backward(args);

    public LinearWeight CreateFrozenWeight(int outFeatures, int inFeatures, bool needsInputGradient) =>
        new CudaLinearWeight(Session, outFeatures, inFeatures);

    public void LinearForward(LinearForwardArgs args)
    {
        Assert.Null(args.Lora);
        Linear.Forward(args.X, (CudaLinearWeight)args.Weight, null, args.Bias, args.Residual, args.Y);
    }

    public void LinearBackward(LinearBackwardArgs args)
    {
        Assert.True(args.Lora is null && args.DW is null && args.DBias is null);
        Linear.InputGradient(args.DY, (CudaLinearWeight)args.Weight, null, args.AccumulateDX, args.DX!.Value);
    }

    public void Fill(Tensor destination, float value) => throw NoKernel();

    public void Copy(Tensor source, Tensor destination) => throw NoKernel();

    public LinearWeight CreateTrainableWeight(Tensor master) => throw NoKernel();

    public void Refresh(LinearWeight weight) => throw NoKernel();

    public void EmbeddingForward(EmbeddingForwardArgs args) => throw NoKernel();

    public void EmbeddingBackward(EmbeddingBackwardArgs args) => throw NoKernel();

    public void HeadNormForward(HeadNormForwardArgs args) => throw NoKernel();

    public void HeadNormBackward(HeadNormBackwardArgs args) => throw NoKernel();

    public void RopeTable(RopeTableArgs args) => throw NoKernel();

    public void RopeApply(RopeApplyArgs args) => throw NoKernel();

    public void AttentionForward(AttentionForwardArgs args) => Attention.Forward(args);

    public void AttentionBackward(AttentionBackwardArgs args) => Attention.Backward(args);

    public void GatherRows(GatherRowsArgs args) => throw NoKernel();

    public void ScatterAddRows(ScatterAddRowsArgs args) => throw NoKernel();

    public void RewardHeadForward(RewardHeadForwardArgs args) => throw NoKernel();

    public void RewardHeadBackward(RewardHeadBackwardArgs args) => throw NoKernel();

    public void PairLoss(PairLossArgs args) => throw NoKernel();

    public double Norm(Tensor values) => throw NoKernel();

    public void AdamW(AdamWArgs args) => throw NoKernel();

    public void Dispose()
    {
        _attention?.Dispose();
        _owned.ForEach(static owned => owned.Dispose());
    }

    private static NotSupportedException NoKernel([System.Runtime.CompilerServices.CallerMemberName] string operation = "") =>
        new($"{operation} has no CUDA kernel yet.");

    private sealed class Layout(SequenceLayout layout) : PreparedLayout(layout)
    {
        protected override void Dispose(bool disposing)
        {
        }
    }
}
