using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Builds;

namespace Rm.Kernels.Tests.Cuda;

public sealed class KernelCompilerTests
{
    private static readonly KernelSources Tiny = new(
        new Dictionary<string, string>
        {
            ["good.cu"] =
                "#include \"common/two.cuh\"\nextern \"C\" __global__ void good(float* y) { y[threadIdx.x] = TWO; }\nRM_KERNEL(good)\n",
            ["bad.cu"] = "extern \"C\" __global__ void bad(float* y) { y[0] = undeclared; }\n",
        },
        new Dictionary<string, string> { ["common/two.cuh"] = "#define TWO 2.0f\n#define RM_KERNEL(name)\n" });

    public static TheoryData<int, int> Targets => new() { { 8, 0 }, { 8, 6 }, { 8, 9 }, { 9, 0 } };

    [Theory]
    [MemberData(nameof(Targets))]
    public void A_unit_compiles_to_machine_code_without_any_include_path(int major, int minor)
    {
        KernelCompiler compiler = Find();
        (byte[] image, string log) = compiler.Compile(Tiny, "good.cu", new CudaArchitecture(major, minor));
        Assert.Equal("\u007fELF"u8.ToArray(), image[..4]);
        Assert.Contains("registers", log);
    }

    [Fact]
    public void An_architecture_newer_than_the_compiler_gets_portable_code()
    {
        KernelCompiler compiler = Find();
        (byte[] image, _) = compiler.Compile(Tiny, "good.cu", new CudaArchitecture(99, 0));
        string ptx = System.Text.Encoding.UTF8.GetString(image);
        Assert.Contains($".target sm_{compiler.Architectures[^1]}", ptx);
        Assert.EndsWith("\0", ptx);
    }

    [Fact]
    public void A_gpu_older_than_every_kernel_is_refused_by_name()
    {
        KernelCompiler compiler = Find();
        Assert.Contains("4.0", Assert.Throws<InvalidOperationException>(() => compiler.OptionsFor(new CudaArchitecture(4, 0))).Message);
    }

    [Fact]
    public void A_source_that_does_not_compile_is_reported_with_file_and_message()
    {
        InvalidOperationException failure =
            Assert.Throws<InvalidOperationException>(() => Find().Compile(Tiny, "bad.cu", new CudaArchitecture(8, 0)));
        Assert.Contains("bad.cu", failure.Message);
        Assert.Contains("undeclared", failure.Message);
    }

    [Fact]
    public void Two_definitions_of_one_kernel_are_refused() => Assert.Contains(
        "b.cu",
        Assert.Throws<InvalidDataException>(() => new KernelSources(
            new Dictionary<string, string> { ["a.cu"] = "RM_KERNEL(k)\n", ["b.cu"] = "RM_KERNEL(k)\n" }, new Dictionary<string, string>()))
            .Message);

    // CI compiles every unit for four architectures in the same run (native/scripts/nvrtc-check).
    [Theory]
    [InlineData(9, 0)]
    public void Every_embedded_unit_compiles(int major, int minor)
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable("CI") == "true", "nvrtc-check does it in this run.");
        KernelCompiler compiler = Find();
        Assert.NotEmpty(KernelSources.Embedded.Units);
        foreach (string unit in KernelSources.Embedded.Units.Keys)
        {
            (byte[] image, _) = compiler.Compile(KernelSources.Embedded, unit, new CudaArchitecture(major, minor));
            Assert.NotEmpty(image);
        }
    }

    private static KernelCompiler Find()
    {
        CudaTest.NeedsNvrtc();
        return KernelCompiler.TryFind()!;
    }
}
