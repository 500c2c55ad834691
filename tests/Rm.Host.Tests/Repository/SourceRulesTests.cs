namespace Rm.Host.Tests.Repository;

/// <summary>The rules on source files that hold everywhere; CONTRIBUTING.md gives the reasons.</summary>
public sealed class SourceRulesTests
{
    private const int MostLines = 500;
    private const int MostColumns = 140;

    /// <summary>Of the 62 MB that the tree and gpu-check's archive may take on the way to a GPU; `build.sh publish-check` holds the sum.</summary>
    private const long MostBytes = 42_000_000;

    /// <summary>Patterns that are one piece; a row of a test's data stands in a raw string.</summary>
    private static readonly string[] Unbroken = ["src/Formats/ChatTemplates/TextWrap.cs"];

    [Fact]
    public void No_source_file_is_longer_than_500_lines()
    {
        string[] folders = ["src", "tests", "bench", "native", "examples", ".ci"];
        string[] sources =
        [
            "build.sh", "build.ps1",
            .. folders.SelectMany(folder => RepositoryFiles.Under(folder, ".cs", ".cu", ".cuh", ".cpp", ".h", ".sh", ".ps1", ".py")),
        ];
        Assert.True(sources.Length > 200, $"only {sources.Length} source files found");
        Findings.None(sources.Select(file => (file, Lines: RepositoryFiles.Read(file).AsSpan().Count('\n')))
            .Where(f => f.Lines > MostLines).Select(f => $"{f.file}: {f.Lines} lines"));
    }

    [Fact]
    public void No_line_of_the_product_is_longer_than_140_columns()
    {
        IEnumerable<string> files = new[] { "src", "bench" }.SelectMany(folder => RepositoryFiles.Under(folder, ".cs"));
        Findings.None(
            from file in files.Except(Unbroken)
            from line in RepositoryFiles.Read(file).Split('\n').Index()
            where line.Item.Length > MostColumns
            select $"{file}:{line.Index + 1}: {line.Item.Length} columns");
    }

    [Fact]
    public void The_tree_takes_at_most_42_MB()
    {
        string golden = Path.Combine(TestPaths.Repository, "tests", "golden");
        string[] unpacked =
        [
            .. GoldenArchives.Under(golden).Select(archive => Path.GetRelativePath(TestPaths.Repository, GoldenArchives.FolderOf(archive))
                .Replace('\\', '/') + "/"),
        ];
        long bytes = new[] { "src", "tests", "bench", "native", "docs", "examples" }.SelectMany(folder => RepositoryFiles.Under(folder, ""))
            .Where(file => !unpacked.Any(folder => file.StartsWith(folder, StringComparison.Ordinal)))
            .Sum(file => new FileInfo(Path.Combine(TestPaths.Repository, file)).Length);
        Assert.InRange(bytes, MostBytes / 2, MostBytes);
    }

    [Fact]
    public void Only_the_peer_outside_the_solution_takes_libtorch()
    {
        const string peer = "bench/peers/official/packages.lock.json";
        string[] takers =
        [
            .. new[] { "src", "tests", "bench" }.SelectMany(folder => RepositoryFiles.Under(folder, "packages.lock.json"))
                .Where(file => RepositoryFiles.Read(file).Contains("libtorch", StringComparison.OrdinalIgnoreCase)),
        ];
        Assert.Equal([peer], takers);
        Assert.DoesNotContain("PeerOfficial", RepositoryFiles.Read("Rm.sln"), StringComparison.Ordinal);
    }

    [Fact]
    public void Dependencies_point_one_way()
    {
        IReadOnlyList<string> files =
            [.. new[] { "Kernels", "Formats", "Training", "Host" }.SelectMany(room => RepositoryFiles.Under($"src/{room}", ".cs"))];
        Assert.Contains("src/Kernels/Tensors/Tensor.cs", files);
        Assert.Contains("src/Formats/Rows/RowSource.cs", files);
        Assert.Contains("src/Training/Model/RewardModel.cs", files);
        Assert.Contains("src/Host/Cli/CommandLine.cs", files);
        Findings.None(files.SelectMany(file => LayerRules.Violations(file, RepositoryFiles.Read(file))));
    }

    [Fact]
    public void Kernels_include_only_what_is_common() =>
        Findings.None(
            RepositoryFiles.Under("native/cuda", ".cu").SelectMany(file => LayerRules.IncludeViolations(file, RepositoryFiles.Read(file))));

    [Theory]
    [InlineData("src/Kernels/Tensors/A.cs", "using Rm.Kernels.Ops;")]
    [InlineData("src/Kernels/Tensors/A.cs", "    Cpu.CpuBackend backend = new();")]
    [InlineData("src/Kernels/Ops/A.cs", "using Rm.Kernels.Cuda.Driver;")]
    [InlineData("src/Kernels/Ops/A.cs", "using static global::Rm.Kernels.Cpu.VectorMath;")]
    [InlineData("src/Kernels/Cpu/A.cs", "using Rm.Kernels.Cuda;")]
    [InlineData("src/Kernels/Cuda/A.cs", "using Threads = Rm.Kernels.Cpu.Threading.CpuThreads;")]
    [InlineData("src/Kernels/Cpu/Gemm/A.cs", "namespace Rm.Kernels.Ops;")]
    [InlineData("src/Training/Model/A.cs", "using Rm.Kernels.Cuda.Driver;")]
    [InlineData("src/Formats/Rows/A.cs", "internal static unsafe class A")]
    [InlineData("src/Training/Model/A.cs", "namespace Rm.Training.Data;")]
    public void A_planted_violation_is_found(string path, string line) => Assert.Single(LayerRules.Violations(path, $"{line}\n"));

    [Theory]
    [InlineData("src/Kernels/Cpu/Gemm/A.cs", "using Rm.Kernels.Ops;\nnamespace Rm.Kernels.Cpu.Gemm;\n")]
    [InlineData("src/Kernels/Cuda/A.cs", "using Rm.Kernels.Cuda.Driver;\nnamespace Rm.Kernels.Cuda;\n")]
    [InlineData("src/Kernels/Ops/A.cs", "namespace Rm.Kernels.Ops; // what Cpu.CpuBackend computes\n")]
    [InlineData("src/Host/Cli/A.cs", "using Rm.Kernels.Cpu;\nnamespace Rm.Host.Cli;\n")]
    [InlineData("src/Host/Cli/A.cs", "string s = \"access is unsafe\"; // http://x\n")]
    [InlineData("src/Host/Program.cs", "return Rm.Host.Cli.CommandLine.Run(args);\n")]
    public void What_is_allowed_passes(string path, string text) => Assert.Empty(LayerRules.Violations(path, text));

    [Theory]
    [InlineData("#include \"common/reduce.cuh\"\n", 0)]
    [InlineData("#include <cuda_bf16.h>\n", 1)]
    [InlineData("// x\n  # include \"rms_norm.cu\"\n", 1)]
    public void Includes_of_a_kernel_are_read(string text, int violations) =>
        Assert.Equal(violations, LayerRules.IncludeViolations("native/cuda/x.cu", text).Count);
}
