using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>
/// Every declared case of a linear layer with its products done by cuBLASLt: the real library on a GPU, the emulator's plain loop in its
/// place here, which refuses what the real one refuses. LoRA, bias, residual and accumulation must come out as with our own product.
/// </summary>
[Collection(CudaCollection.Name)]
public sealed class CublasLtConformanceTests
{
    private const string Kind = "cublaslt";

    public static TheoryData<string> LinearCases { get; } =
        [.. CaseLedger.Remaining(
            Kind, ConformanceTests.Cases.Keys.Where(static name => name.StartsWith("linear", StringComparison.Ordinal)))];

    [Theory]
    [MemberData(nameof(LinearCases))]
    public void A_linear_layer_matches_its_reference(string name)
    {
        CudaTest.OpenDevice().Dispose();
        Assert.SkipUnless(CublasLt.IsAvailable, $"needs cuBLASLt: install it or set {CudaLibraries.CublasLtVariable}");
        CudaCase.Run(Kind, name, DType.BF16, GemmChoice.CublasLt);
    }

    [Fact]
    [Trait(CudaTest.Needs, CudaTest.NeedsOfEmulator)]
    public void The_library_really_multiplies()
    {
        // The same product twice, by kernels of ours and by the library: as many launches fewer as products the library did.
        CudaTest.OpenDevice().Dispose();
        CudaTest.NeedsEmulator();
        Assert.Equal(Launches(GemmChoice.Own) - 2, Launches(GemmChoice.CublasLt));
    }

    private static ulong Launches(GemmChoice gemm)
    {
        using CudaBackend backend = new(ordinal: 0, DType.BF16, gemm);
        ulong before = Emulator.Counters[0];
        using OperationBench bench = new(backend, seed: 1);
        ConformanceTests.Cases["linear tiles T=128 Out=128 In=128"].Run(bench);
        return Emulator.Counters[0] - before;
    }
}
