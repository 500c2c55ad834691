using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// <see cref="CudaBackend"/> over a driver that only counts (<see cref="RehearsalDriver"/>). It needs no GPU. While it is alive, CUDA calls of
/// this thread go to that driver, so nothing else may be done with CUDA on the thread until it is disposed.
/// </summary>
public sealed class CudaRehearsal : IRehearsal
{
    private readonly RehearsalDriver _driver;
    private readonly CudaBackend _backend;

    /// <summary>A rehearsal for GPUs as recent as sm_80.</summary>
    /// <param name="activationDType">Storage type of activations and weights.</param>
    public CudaRehearsal(DType activationDType = DType.BF16)
        : this(CudaArchitecture.Minimum, activationDType)
    {
    }

    internal CudaRehearsal(CudaArchitecture architecture, DType activationDType)
    {
        _driver = new RehearsalDriver(architecture);
        CudaDriver.Enter(_driver);
        try
        {
            _backend = new CudaBackend(0, activationDType);
        }
        catch
        {
            CudaDriver.Leave(_driver);
            throw;
        }
    }

    /// <inheritdoc/>
    public IBackend Backend => _backend;

    /// <inheritdoc/>
    public long AllocatedBytes => _driver.AllocatedBytes;

    /// <inheritdoc/>
    public long PeakAllocatedBytes => _driver.PeakAllocatedBytes;

    /// <inheritdoc/>
    public long StagingBytes => _driver.PinnedBytes;

    /// <inheritdoc/>
    public void Dispose()
    {
        _backend.Dispose();
        CudaDriver.Leave(_driver);
    }
}
