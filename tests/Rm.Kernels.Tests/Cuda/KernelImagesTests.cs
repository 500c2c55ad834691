using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Builds;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>Compiler and cache together, on the embedded sources.</summary>
public sealed class KernelImagesTests : IDisposable
{
    private const string Unit = "swiglu.cu";

    private readonly ScratchFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_compiled_unit_is_found_again_for_its_architecture_only()
    {
        CudaTest.NeedsNvrtc();
        KernelImages images = Images(new CudaArchitecture(8, 0));
        Assert.Null(images.Cached(Unit));
        byte[] image = images.Compile(Unit);
        Assert.Contains("registers", File.ReadAllText(Assert.Single(Directory.GetFiles(_folder.Path, "*.log"))), StringComparison.Ordinal);
        Assert.Equal(image, Images(new CudaArchitecture(8, 0)).Cached(Unit));
        Assert.Null(Images(new CudaArchitecture(8, 6)).Cached(Unit));
    }

    [Fact]
    public void A_change_of_the_unit_or_of_any_header_is_a_miss()
    {
        CudaTest.NeedsNvrtc();
        KernelSources now = KernelSources.Embedded;
        Images(new CudaArchitecture(9, 0)).Compile(Unit);
        Assert.NotNull(Images(new CudaArchitecture(9, 0)).Cached(Unit));
        Assert.Null(Images(new CudaArchitecture(9, 0), new KernelSources(Changed(now.Units, Unit), now.Headers)).Cached(Unit));
        Assert.All(now.Headers.Keys, header =>
            Assert.Null(Images(new CudaArchitecture(9, 0), new KernelSources(now.Units, Changed(now.Headers, header))).Cached(Unit)));
    }

    [Fact]
    public void Compiling_twice_gives_the_same_bytes_and_replaces_a_damaged_entry()
    {
        CudaTest.NeedsNvrtc();
        KernelImages images = Images(new CudaArchitecture(8, 9));
        byte[] first = images.Compile(Unit);
        File.WriteAllText(Assert.Single(Directory.GetFiles(_folder.Path, "*.btrmk")), "damaged");
        Assert.Null(images.Cached(Unit));
        Assert.Equal(first, images.Compile(Unit));
        Assert.Equal(first, images.Cached(Unit));
    }

    private static Dictionary<string, string> Changed(IReadOnlyDictionary<string, string> files, string name) =>
        files.ToDictionary(static file => file.Key, file => file.Key == name ? file.Value + "\n" : file.Value);

    private KernelImages Images(CudaArchitecture architecture, KernelSources? sources = null) =>
        new(sources ?? KernelSources.Embedded, new KernelCache(_folder.Path), architecture);
}
