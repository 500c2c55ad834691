using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Builds;

namespace Rm.Kernels.Tests.Cuda;

[Collection(CudaCollection.Name)]
public sealed class KernelLibraryTests : IDisposable
{
    private readonly CudaDevice _device = CudaTest.OpenDevice();
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    // As on a GPU: the emulator loads whatever image it is given, so all but the machine code itself is exercised without one.
    [Fact]
    public void Kernels_without_a_fatbin_are_compiled_once_a_file_and_then_come_from_the_cache()
    {
        CudaTest.NeedsNvrtc();
        Assert.SkipWhen(KernelSources.ReadFatbin() is not null, "this build has a fatbin");
        KernelCache cache = new(_folder.Path);
        using (KernelLibrary library = new(_device, cache, linked: false))
        {
            Assert.Same(library.Get("swiglu_forward_f32"), library.Get("swiglu_forward_f32"));
            library.Get("swiglu_backward_bf16");
            Assert.Equal(1, cache.Measure().Entries);
            library.Get("rms_norm_forward_f32");
            Assert.Equal(2, cache.Measure().Entries);
        }

        DateTime[] written = [.. Directory.GetFiles(_folder.Path).Select(File.GetLastWriteTimeUtc)];
        using (KernelLibrary library = new(_device, cache, linked: false))
        {
            library.Get("swiglu_forward_f32");
            library.Get("rms_norm_forward_f32");
        }

        Assert.Equal(written, Directory.GetFiles(_folder.Path).Select(File.GetLastWriteTimeUtc));
    }

    [Fact]
    public void A_kernel_that_no_source_defines_is_refused_by_name()
    {
        using KernelLibrary library = new(_device);
        Assert.Contains("no_such_kernel", Assert.Throws<ArgumentException>(() => library.Get("no_such_kernel")).Message);
    }

    [Fact]
    public void Every_kernel_of_the_sources_is_found()
    {
        using KernelLibrary library = new(_device);
        Assert.NotEmpty(KernelSources.Embedded.Kernels);
        Assert.All(
            KernelSources.Embedded.Kernels.Where(name => _device.Architecture == CudaArchitecture.Hopper || !name.Contains("wgmma", StringComparison.Ordinal)),
            name => Assert.Equal(name, library.Get(name).Name));
    }
}
