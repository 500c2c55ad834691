using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// The operations on an NVIDIA GPU (or the emulator): bfloat16 activations and tensor-core inputs, float32 accumulation, softmax, norms,
/// head, loss and optimizer. Work is queued in the order of the calls; what a queued kernel fails with is thrown by a later call. The bits
/// of a result do not depend on what else is in the micro-batch; they are the same on every GPU of one generation with the same build of
/// the kernels. Tensor cores of different generations round their sums differently, and so may code of another compiler.
/// </summary>
public sealed partial class CudaBackend : IBackend
{
    private readonly CudaBufferPool _layoutMemory;
    private readonly bool _exact;
    private readonly List<CudaStorage> _persistent = [];
    private readonly CudaRows _rows;
    private readonly CudaEmbedding _embedding;
    private readonly CudaRmsNorm _rmsNorm;
    private readonly CudaLoraLinear _linear;
    private readonly CudaAttention _attention;
    private readonly CudaHeadNorm _headNorm;
    private readonly CudaRope _rope;
    private readonly CudaSwiGlu _swiGlu;
    private readonly CudaScaleAdd _scaleAdd;
    private readonly CudaExperts _experts;
    private readonly CudaRewardHead _rewardHead;
    private readonly CudaPairLoss _pairLoss;
    private readonly CudaRankingLoss _rankingLoss;
    private readonly CudaNorm _norm;
    private readonly CudaAdamW _adamW;
    private CudaDeltaNets? _deltaNets;
    private bool _disposed;

    /// <summary>A backend on one device, with its kernels loaded.</summary>
    /// <param name="ordinal">N of <c>cuda:N</c>.</param>
    /// <param name="activationDType">
    /// Storage type of activations and weights: bfloat16, or float32, which is slow and there to check the kernels' logic.
    /// </param>
    /// <param name="gemm">Whose kernels multiply bfloat16 matrices.</param>
    /// <exception cref="CudaException">There is no usable driver or no such device, or its memory is full.</exception>
    /// <exception cref="NotSupportedException">
    /// The GPU is older than every kernel, or does not have what <paramref name="gemm"/> names.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// There is no code that the GPU can run (<see cref="Builds.KernelsUnavailableException"/>), or no library of <paramref name="gemm"/>.
    /// </exception>
    public CudaBackend(int ordinal = 0, DType activationDType = DType.BF16, GemmChoice gemm = GemmChoice.Own)
    {
        ActivationDType = activationDType;
        Gemm = gemm;
        Session = new CudaSession(ordinal);
        try
        {
            // The emulator checks every access against its allocation; on a GPU a few large blocks are faster.
            _exact = !CudaDriver.IsDryRun && CudaLibraries.IsEmulated;
            _layoutMemory = new CudaBufferPool(Session.Device, _exact);
            _rows = new CudaRows(Session);
            _embedding = new CudaEmbedding(Session, activationDType, _rows);
            _rmsNorm = new CudaRmsNorm(Session, activationDType);
            _swiGlu = new CudaSwiGlu(Session, activationDType);
            _scaleAdd = new CudaScaleAdd(Session);
            _experts = new CudaExperts(Session);
            _linear = new CudaLoraLinear(Session, activationDType, _swiGlu, gemm);
            _attention = new CudaAttention(Session, activationDType);
            _headNorm = new CudaHeadNorm(Session, activationDType);
            _rope = new CudaRope(Session, activationDType);
            _rewardHead = new CudaRewardHead(Session, activationDType);
            _pairLoss = new CudaPairLoss(Session);
            _rankingLoss = new CudaRankingLoss(Session);
            _norm = new CudaNorm(Session);
            _adamW = new CudaAdamW(Session);
        }
        catch
        {
            Session.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public string Description =>
        $"{Session.Device}, {LaunchChecks.Suffix(ActivationDType)}{ProductsBy}"
        + (CudaLibraries.RunsPtx ? ", its PTX executed on the CPU" : CudaLibraries.IsEmulated ? ", emulated on the CPU" : "");

    /// <summary>Whose kernels multiply bfloat16 matrices.</summary>
    public GemmChoice Gemm { get; }

    private string ProductsBy => Gemm switch
    {
        GemmChoice.CublasLt => ", products by cuBLASLt",
        GemmChoice.Wgmma => ", products by wgmma",
        _ => "",
    };

    /// <inheritdoc/>
    public DType ActivationDType { get; }

    /// <inheritdoc/>
    public IDeltaNetOperations DeltaNets => _deltaNets ??= new CudaDeltaNets(Session, ActivationDType);

    /// <summary>The device and what works on it.</summary>
    internal CudaSession Session { get; }

    /// <inheritdoc/>
    public Tensor AllocatePersistent(DType dtype, Shape shape)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        CudaStorage storage = new(Session.Device, checked(shape.Count * dtype.Size()));
        _persistent.Add(storage);
        Session.Stream.Zero(storage.Address, storage.ByteLength);
        return new Tensor(storage, 0, dtype, shape);
    }

    /// <inheritdoc/>
    public TensorArena CreateArena() =>
        CudaDriver.IsDryRun ? new CountingArena() : new CudaArena(Session.Device, _exact ? 0 : CudaArena.DefaultBlockBytes);

    /// <inheritdoc/>
    public long FreeMemory => Session.Device.FreeMemory;

    /// <inheritdoc/>
    public IDryRun DryRun(DType weights) => new CudaDryRun(Session.Device.Architecture, ActivationDType, Gemm);

    /// <inheritdoc/>
    public bool IsOutOfMemory(Exception failure) => failure is CudaException { Result: CudaResult.OutOfMemory };

    /// <inheritdoc/>
    public void Upload<T>(ReadOnlySpan<T> source, Tensor destination)
        where T : unmanaged
    {
        LaunchChecks.HostType<T>(destination, nameof(destination));
        Session.Transfers.Upload(source, destination);
    }

    /// <inheritdoc/>
    public void Download<T>(Tensor source, Span<T> destination)
        where T : unmanaged
    {
        LaunchChecks.HostType<T>(source, nameof(source));
        Session.Transfers.Download(source, destination);
    }

    /// <inheritdoc/>
    public void Synchronize() => Session.Stream.Synchronize();

    /// <inheritdoc/>
    public PreparedLayout Prepare(SequenceLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        return new CudaPreparedLayout(Session, _layoutMemory, layout);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            _attention.Dispose();
            _linear.Dispose();
            _rope.Dispose();
            _rows.Dispose();
            _rankingLoss.Dispose();
            _experts.Dispose();
            _layoutMemory.Dispose();
            foreach (CudaStorage storage in _persistent)
            {
                storage.Dispose();
            }

            Session.Dispose();
        }
    }
}
