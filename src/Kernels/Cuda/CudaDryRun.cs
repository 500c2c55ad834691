using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Cuda;

/// <summary>
/// <see cref="CudaBackend"/> over a driver that only counts (<see cref="DryRunDriver"/>). It needs no GPU. While it is alive, CUDA calls of
/// this thread go to that driver, so nothing else may be done with CUDA on the thread until it is disposed.
/// </summary>
public sealed class CudaDryRun : IDryRun
{
    private readonly DryRunDriver _driver;
    private readonly CudaBackend _backend;

    /// <summary>A dry run for GPUs as recent as sm_80.</summary>
    /// <param name="activationDType">Storage type of activations and weights.</param>
    public CudaDryRun(DType activationDType = DType.BF16)
        : this(CudaArchitecture.Minimum, activationDType, GemmChoice.Own)
    {
    }

    internal CudaDryRun(CudaArchitecture architecture, DType activationDType, GemmChoice gemm)
    {
        _driver = new DryRunDriver(architecture);
        CudaDriver.Enter(_driver);
        try
        {
            _backend = new CudaBackend(0, activationDType, gemm);
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
