using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Ops;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>The driver that only counts. No test here needs a device.</summary>
public sealed class DryRunTests
{
    [Fact]
    public void Memory_is_counted_while_it_is_held_and_all_of_it_comes_back()
    {
        DryRunDriver driver = new(new CudaArchitecture(9, 0));
        CudaDriver.Enter(driver);
        try
        {
            using (CudaBackend backend = new())
            {
                long before = driver.AllocatedBytes;
                Tensor tensor = backend.AllocatePersistent(DType.F32, new Shape(1 << 20, 1 << 10));
                Assert.Equal(4L << 30, driver.AllocatedBytes - before);
                Assert.Equal(0, tensor.Address % 512);
                using LinearWeight weight = backend.CreateFrozenWeight(1000, 4096, needsInputGradient: true);
                Assert.Equal((4L << 30) + (1000 * 4096 * 2), driver.AllocatedBytes - before);
                Assert.Equal(2 * (8 << 20), driver.PinnedBytes);
                float[] values = [1, 2];
                backend.Download<float>(tensor.SliceRows(0, 1).SliceColumns(0, 2), values);
                Assert.Equal([0, 0], values);
            }

            Assert.Equal((0, 0), (driver.AllocatedBytes, driver.PinnedBytes));
            Assert.True(driver.PeakAllocatedBytes > 4L << 30);
        }
        finally
        {
            CudaDriver.Leave(driver);
        }
    }

    [Fact]
    public void Only_the_thread_that_runs_dry_does_so_and_only_once()
    {
        using CudaDryRun dryRun = new();
        Assert.True(CudaDriver.IsDryRun);
        Assert.Throws<InvalidOperationException>(() => new CudaDryRun());
        Assert.True(CudaDriver.IsDryRun);
        bool elsewhere = true;
        Thread other = new(() => elsewhere = CudaDriver.IsDryRun);
        other.Start();
        other.Join();
        Assert.False(elsewhere);
        dryRun.Dispose();
        Assert.False(CudaDriver.IsDryRun);
    }

    // The finaliser's thread does not run dry; what it frees there must not reach a real driver.
    [Fact]
    public void What_was_made_in_a_dry_run_is_freed_in_it_from_any_thread()
    {
        DryRunDriver driver = new(CudaArchitecture.Minimum);
        CudaDriver.Enter(driver);
        CudaStorage storage;
        var device = CudaDevice.Open(0);
        storage = new CudaStorage(device, 100);
        CudaDriver.Leave(driver);
        Assert.Equal(100, driver.AllocatedBytes);
        Thread other = new(() => storage.Dispose());
        other.Start();
        other.Join();
        Assert.Equal(0, driver.AllocatedBytes);
        device.Dispose();
    }
}
