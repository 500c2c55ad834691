using Rm.Kernels.Cuda;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;
using Rm.Kernels.Tests.Cuda;

namespace Rm.Kernels.Tests.Ptx;

/// <summary>
/// Declared cases on the PTX that NVRTC makes of the kernels, executed by the emulator's PTX machine: a few of each operation always, all
/// of them with <c>BTRM_PTX_CASES=all</c>. <c>BTRM_TEST_CASES</c> chooses among them.
/// </summary>
[Collection(CudaCollection.Name)]
public sealed class PtxConformanceTests
{
    private const string AllVariable = "BTRM_PTX_CASES";

    public static TheoryData<string, DType, uint> CasesTypesAndArchitectures { get; } =
    [
        .. from name in CaseFilter.Select(Chosen, Environment.GetEnvironmentVariable(CaseFilter.Variable))
           from type in new[] { DType.BF16, DType.F32 }
           from architecture in new[] { 80u, 90u }
           select (name, type, architecture),
    ];

    public static TheoryData<string> HopperCases { get; } =
        [.. CaseFilter.Select(Chosen, Environment.GetEnvironmentVariable(CaseFilter.Variable))
            .Intersect(ConformanceTests.ProductCases)];

    private static bool All => Environment.GetEnvironmentVariable(AllVariable) == "all";

    private static IEnumerable<string> Chosen => All ? ConformanceTests.Cases.Keys : PtxCases.FirstOfEachOperation;

    [Theory]
    [MemberData(nameof(CasesTypesAndArchitectures))]
    public void Operation_matches_its_reference(string name, DType activation, uint architecture) =>
        Run(name, architecture, () => new CudaBackend(ordinal: 0, activation));

    [Theory]
    [MemberData(nameof(HopperCases))]
    public void A_linear_layer_by_wgmma_matches_its_reference(string name) =>
        Run(name, 90, static () => new CudaBackend(ordinal: 0, DType.BF16, GemmChoice.Wgmma));

    private static void Run(string name, uint architecture, Func<CudaBackend> open) => PtxCases.Run(name, architecture, open);
}
