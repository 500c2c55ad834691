using Rm.Kernels.Cuda.Builds;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// What every operation works with: one device, its kernels, the stream that orders all work, memory for partial results.
/// </summary>
internal sealed class CudaSession : IDisposable
{
    private CudaStorage? _workspace;

    /// <summary>Opens device <paramref name="ordinal"/>.</summary>
    /// <param name="ordinal">N of <c>cuda:N</c>.</param>
    /// <param name="cache">Where kernels compiled here are kept; the user's folder by default.</param>
    /// <exception cref="Driver.CudaException">There is no usable driver or no such device.</exception>
    /// <exception cref="NotSupportedException">The GPU is older than every kernel.</exception>
    public CudaSession(int ordinal, KernelCache? cache = null)
    {
        Device = CudaDevice.Open(ordinal);
        if (!Device.Architecture.IsSupported)
        {
            string name = Device.Name;
            CudaArchitecture architecture = Device.Architecture;
            Device.Dispose();
            throw new NotSupportedException(
                $"{name} has compute capability {architecture}; btrm's kernels need {CudaArchitecture.Minimum} (Ampere) "
                + "or newer. Use --device cpu.");
        }

        Stream = new CudaStream(Device);
        Kernels = new KernelLibrary(Device, cache);
        Transfers = new CudaTransfers(Stream);
    }

    public CudaDevice Device { get; }

    /// <summary>The order of all work of this session.</summary>
    public CudaStream Stream { get; }

    public KernelLibrary Kernels { get; }

    public CudaTransfers Transfers { get; }

    /// <summary>
    /// A float32 tensor for the partial results of one operation, valid until the next call; work on the stream that
    /// still uses the previous one is done before it is freed.
    /// </summary>
    public Tensor Workspace(Shape shape)
    {
        long bytes = shape.Count * DType.F32.Size();
        if (_workspace is null || _workspace.ByteLength < bytes)
        {
            Stream.Synchronize();
            _workspace?.Dispose();
            _workspace = null;
            _workspace = new CudaStorage(Device, bytes);
        }

        return new Tensor(_workspace, 0, DType.F32, shape);
    }

    public void Dispose()
    {
        _workspace?.Dispose();
        Transfers.Dispose();
        Kernels.Dispose();
        Stream.Dispose();
        Device.Dispose();
    }
}
