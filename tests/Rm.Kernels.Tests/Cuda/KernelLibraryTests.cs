using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Builds;
using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Tests.Cuda;

[Collection(CudaCollection.Name)]
public sealed class KernelLibraryTests : IDisposable
{
    private readonly CudaDevice _device = CudaTest.OpenDevice();
    private readonly ScratchFolder _folder = new();

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    // As on a GPU: the emulator reads an image as a driver does, so all but the machine code itself is exercised without one.
    [Fact]
    public void Kernels_that_the_build_does_not_carry_are_compiled_once_a_file_and_then_come_from_the_cache()
    {
        CudaTest.NeedsNvrtc();
        KernelCache cache = new(_folder.Path);
        using (KernelLibrary library = new(_device, cache, linked: false, None))
        {
            Assert.Same(library.Get("swiglu_forward_f32"), library.Get("swiglu_forward_f32"));
            library.Get("swiglu_backward_bf16");
            Assert.Equal(1, cache.Measure().Entries);
            library.Get("rms_norm_forward_f32");
            Assert.Equal(2, cache.Measure().Entries);
        }

        DateTime[] written = [.. Directory.GetFiles(_folder.Path).Select(System.IO.File.GetLastWriteTimeUtc)];
        using (KernelLibrary library = new(_device, cache, linked: false, None))
        {
            library.Get("swiglu_forward_f32");
            library.Get("rms_norm_forward_f32");
        }

        Assert.Equal(written, Directory.GetFiles(_folder.Path).Select(System.IO.File.GetLastWriteTimeUtc));
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
            KernelSources.Embedded.Kernels.Where(
                name => _device.Architecture == CudaArchitecture.Hopper || !name.Contains("wgmma", StringComparison.Ordinal)),
            name => Assert.Equal(name, library.Get(name).Name));
    }

    [Fact]
    [Trait(CudaTest.Needs, CudaTest.NeedsOfEmulator)]
    public void Machine_code_of_the_build_for_just_this_architecture_comes_first_then_its_ptx()
    {
        CudaTest.NeedsEmulator();
        string exact = _device.Architecture.Target;
        KernelCache cache = new(_folder.Path);
        Dictionary<string, KernelImageFile> files = new()
        {
            [exact] = File(exact, "swiglu.cu", Ptx(exact, "swiglu_forward_f32")),
            [KernelImageFile.PortableTarget] = File(KernelImageFile.PortableTarget, "swiglu.cu", Ptx("sm_80", "swiglu_backward_f32")),
        };
        using (KernelLibrary library = new(_device, cache, linked: false, files.GetValueOrDefault))
        {
            Assert.Equal("swiglu_forward_f32", library.Get("swiglu_forward_f32").Name);
            Assert.Throws<CudaException>(() => library.Get("swiglu_backward_f32"));
        }

        // Of a driver that refuses the first, the second is taken.
        files[exact] = File(exact, "swiglu.cu", Ptx("sm_121a", "swiglu_forward_f32"));
        using (KernelLibrary library = new(_device, cache, linked: false, files.GetValueOrDefault))
        {
            Assert.Equal("swiglu_backward_f32", library.Get("swiglu_backward_f32").Name);
        }

        Assert.Equal(0, cache.Measure().Entries);
    }

    [Fact]
    public void An_image_from_other_sources_is_never_loaded()
    {
        CudaTest.NeedsNvrtc();
        string exact = _device.Architecture.Target;
        KernelImageFile stale = new(exact, "NVRTC 12.4");
        stale.Add("swiglu.cu", new KernelCacheKey("yesterday's sources"), Ptx(exact, "swiglu_forward_f32"));
        KernelCache cache = new(_folder.Path);
        using KernelLibrary library = new(_device, cache, linked: false, target => target == exact ? stale : null);

        // The stale image lacks this kernel: finding it shows that it was compiled anew.
        library.Get("swiglu_backward_f32");
        Assert.Equal(1, cache.Measure().Entries);
        List<string> notes = [];
        KernelImages images = new(KernelSources.Embedded, cache, _device.Architecture, target => target == exact ? stale : null);
        Assert.NotEmpty(images.Of("swiglu.cu", notes));
        Assert.Contains(notes, note => note.Contains("other sources of swiglu.cu", StringComparison.Ordinal));
    }

    [Fact]
    public void An_image_from_other_sources_is_refused_where_nothing_can_compile_them()
    {
        string exact = _device.Architecture.Target;
        KernelImageFile stale = new(exact, "NVRTC 12.4");
        stale.Add("swiglu.cu", new KernelCacheKey("yesterday's sources"), Ptx(exact, "swiglu_forward_f32"));
        KernelImages images = new(
            KernelSources.Embedded, new KernelCache(_folder.Path), _device.Architecture, target => target == exact ? stale : null,
            compiler: null);
        using KernelLibrary library = new(_device, images);
        string message = Assert.Throws<KernelsUnavailableException>(() => library.Get("swiglu_forward_f32")).Message;
        Assert.Contains($"{exact} of this build was made from other sources of swiglu.cu and is not used", message);
    }

    [Fact]
    [Trait(CudaTest.Needs, CudaTest.NeedsOfEmulator)]
    public void When_the_driver_refuses_everything_the_message_lists_what_was_tried()
    {
        CudaTest.NeedsEmulator();
        KernelImageFile foreign = File("compute_80", "swiglu.cu", Ptx("sm_121a", "swiglu_forward_f32"));
        KernelImages images =
            new(KernelSources.Embedded, new KernelCache(_folder.Path), _device.Architecture, _ => foreign, compiler: null);
        using KernelLibrary library = new(_device, images);
        string message = Assert.Throws<KernelsUnavailableException>(() => library.Get("swiglu_forward_f32")).Message;
        Assert.Contains("swiglu.cu", message);
        Assert.Contains("NoBinaryForGpu", message);
        Assert.Contains("NVRTC is not installed", message);
        Assert.Contains(CudaLibraries.NvrtcVariable, message);
    }

    private static KernelImageFile? None(string target) => null;

    private static byte[] Ptx(string target, string kernel) => System.Text.Encoding.ASCII.GetBytes(
        $"//\n.version 8.4\n.target {target}\n.address_size 64\n.visible .entry {kernel}(\n)\n{{ ret; }}\n\0");

    private static KernelImageFile File(string target, string unit, byte[] image)
    {
        KernelImageFile file = new(target, "NVRTC 12.4");
        file.Add(unit, KernelCacheKey.OfSources(KernelSources.Embedded, unit), image);
        return file;
    }
}
