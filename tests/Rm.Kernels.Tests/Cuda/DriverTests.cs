using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Builds;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>The binding: what it reports, and who frees what when.</summary>
[Collection(CudaCollection.Name)]
public sealed class DriverTests : IDisposable
{
    private readonly CudaDevice _device = CudaTest.OpenDevice();

    public void Dispose() => _device.Dispose();

    [Fact]
    public void A_device_reports_what_launchers_need()
    {
        Assert.NotEmpty(_device.Name);
        Assert.True(_device.Architecture.IsSupported);
        Assert.InRange(_device.MultiprocessorCount, 1, 1024);
        Assert.InRange(_device.SharedMemoryPerBlock, 48 << 10, 1 << 20);
        Assert.InRange(_device.FreeMemory, 1, _device.TotalMemory);
        Assert.Matches("^GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", _device.Uuid);
    }

    [Fact]
    public void An_ordinal_beyond_the_devices_is_refused_with_advice()
    {
        CudaException failure = Assert.Throws<CudaException>(() => CudaDevice.Open(CudaDevice.Count));
        Assert.Equal(("cuDeviceGet", CudaResult.InvalidDevice), (failure.Call, failure.Result));
        Assert.Contains("CUDA_ERROR_INVALID_DEVICE (101)", failure.Message);
        Assert.Contains("btrm doctor", failure.Message);
    }

    [Fact]
    public void Out_of_memory_tells_what_was_asked_for_and_what_there_is()
    {
        CudaException failure = Assert.Throws<CudaException>(() => new CudaStorage(_device, 1L << 50));
        Assert.Equal(CudaResult.OutOfMemory, failure.Result);
        Assert.Contains("1,125,899,906,842,624 bytes", failure.Message);
        Assert.Contains("are free", failure.Message);
        Assert.Contains("--micro-token-budget", failure.Message);
    }

    [Fact]
    public void Memory_that_nobody_holds_is_freed_by_the_finaliser_thread()
    {
        long before = _device.FreeMemory;
        Drop(_device);
        for (int i = 0; i < 50 && _device.FreeMemory < before; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.True(_device.FreeMemory >= before, "the dropped block is still allocated");

        [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
        static void Drop(CudaDevice device)
        {
            CudaStorage storage = new(device, 64 << 20);
            Assert.True(device.FreeMemory <= device.TotalMemory - storage.ByteLength);
        }
    }

    [Fact]
    public void A_thread_without_a_context_may_use_and_free_everything()
    {
        long before = _device.FreeMemory;
        CudaStream stream = new(_device);
        CudaStorage storage = new(_device, 1 << 20);
        Exception? failure = null;
        Thread other = new(() => failure = Record.Exception(() =>
        {
            stream.Zero(storage.Address, storage.ByteLength);
            stream.Synchronize();
            storage.Dispose();
            stream.Dispose();
        }));
        other.Start();
        other.Join();
        Assert.Null(failure);
        Assert.Equal(before, _device.FreeMemory);
    }

    [Fact]
    public void A_resource_keeps_its_context_alive_until_it_is_freed_itself()
    {
        var second = CudaDevice.Open(0);
        CudaStream stream = new(second);
        CudaStorage storage = new(second, 1 << 20);
        second.Dispose();
        storage.Dispose();
        stream.Dispose();
        Assert.True(_device.FreeMemory > 0);
    }

    [Fact]
    public void A_freed_resource_refuses_use()
    {
        CudaStorage storage = new(_device, 16);
        storage.Dispose();
        storage.Dispose();
        Assert.Throws<ObjectDisposedException>(() => storage.Address);
        CudaStream stream = new(_device);
        stream.Dispose();
        Assert.Throws<ObjectDisposedException>(stream.Synchronize);
    }

    [Fact]
    public void Events_order_streams_and_measure_time()
    {
        using CudaStream first = new(_device), second = new(_device);
        using CudaStorage storage = new(_device, 4 << 20);
        using CudaEvent start = new(_device, timing: true), end = new(_device, timing: true), filled = new(_device);
        using CudaTransfers transfers = new(second);
        uint[] values = new uint[storage.ByteLength / 4];
        for (uint round = 1; round <= 3; round++)
        {
            start.Record(first);
            first.Fill(storage.Address, round, values.Length);
            filled.Record(first);
            second.Wait(filled);
            transfers.Download<uint>(new Tensor(storage, 0, DType.I32, new Shape(values.Length)), values);
            end.Record(second);
            end.Synchronize();
            Assert.Equal(-1, values.AsSpan().IndexOfAnyExcept(round));
            Assert.InRange(CudaEvent.Seconds(start, end), 0, 100);
        }
    }

    [Fact]
    [Trait(CudaTest.Needs, CudaTest.NeedsOfEmulator)]
    public void A_kernel_that_a_module_lacks_is_named()
    {
        CudaTest.NeedsEmulator();
        using var module = KernelModuleHandle.Load(_device.Context, KernelLibrary.LinkedImage, "a test's");
        CudaException failure = Assert.Throws<CudaException>(() => new CudaKernel(module, "no_such_kernel"));
        Assert.Equal(CudaResult.NotFound, failure.Result);
        Assert.Contains("no_such_kernel", failure.Message);
    }

    [Fact]
    public void The_binding_is_the_one_that_the_build_chose()
    {
#if MANAGED_CUDA
        Assert.Equal("ManagedCuda", CudaDriver.Api.BindingName);
#else
        Assert.Equal("btrm", CudaDriver.Api.BindingName);
#endif
    }

    [Fact]
    public void A_kernel_tells_its_resources_and_refuses_more_than_the_device_has()
    {
        using CudaSession session = new(0);
        CudaKernel kernel = session.Kernels.Get("linear_forward_bf16");
        Assert.InRange(kernel.Registers, 1, 255);
        Assert.Equal(0, kernel.LocalBytes);
        kernel.AllowSharedMemory(64 << 10);
        CudaException failure = Assert.Throws<CudaException>(() => kernel.AllowSharedMemory(1 << 30));
        Assert.Contains("linear_forward_bf16", failure.Message);
        Assert.Contains("1,073,741,824 bytes", failure.Message);
    }

    [Fact]
    public void A_launch_that_the_device_cannot_hold_is_refused_with_its_shape()
    {
        using CudaSession session = new(0);
        CudaKernel kernel = session.Kernels.Get("swiglu_forward_f32");
        CudaException failure =
            Assert.Throws<CudaException>(() => kernel.Launch(session.Stream, new LaunchShape(1, 4096), (nint)0, (nint)0, 0, 0, 0));
        Assert.Contains("swiglu_forward_f32: grid (1, 1, 1), block (4096, 1, 1)", failure.Message);
    }

    [Fact]
    public void A_launch_with_a_cluster_size_does_the_same_work()
    {
        using CudaSession session = new(0);
        CudaKernel kernel = session.Kernels.Get("swiglu_forward_f32");
        using CudaStorage input = new(_device, 64), output = new(_device, 32);
        session.Transfers.Upload<float>([1, 2, 3, 4, 5, 6, 7, 8], new Tensor(input, 0, DType.F32, new Shape(8)));
        float[] plain = new float[4], clustered = new float[4];
        kernel.Launch(session.Stream, new LaunchShape(1, 256), input.Address, output.Address, 4, 8, 1);
        session.Transfers.Download(new Tensor(output, 0, DType.F32, new Shape(4)), plain.AsSpan());
        session.Stream.Zero(output.Address, 16);
        kernel.Launch(session.Stream, new LaunchShape(1, 256, Cluster: 1), input.Address, output.Address, 4, 8, 1);
        session.Transfers.Download(new Tensor(output, 0, DType.F32, new Shape(4)), clustered.AsSpan());
        Assert.Equal(plain, clustered);
        Assert.Equal(5 / (1 + Math.Exp(-1)), plain[0], 1e-5);
    }

    [Fact]
    public void The_emulator_cannot_be_chosen_once_another_driver_is_bound()
    {
        if (CudaLibraries.IsEmulated)
        {
            CudaLibraries.UseEmulator(); // it is bound already
            Assert.True(CudaLibraries.IsEmulated);
        }
        else
        {
            Assert.Throws<InvalidOperationException>(static () => CudaLibraries.UseEmulator());
        }
    }
}
