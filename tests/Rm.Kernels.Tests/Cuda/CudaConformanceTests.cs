using Rm.Kernels.Cuda;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>
/// Every declared case on the CUDA backend, through binding, launchers and kernels, in both activation types: on the emulator, or on the
/// GPU that is there.
/// </summary>
[Collection(CudaCollection.Name)]
public sealed class CudaConformanceTests
{
    public static TheoryData<string, DType> CasesAndTypes { get; } =
    [
        .. from type in new[] { DType.BF16, DType.F32 }
           from name in CaseLedger.Remaining(Kind(type), ConformanceTests.Cases.Keys)
           select (name, type),
    ];

    [Theory]
    [MemberData(nameof(CasesAndTypes))]
    public void Operation_matches_its_reference(string name, DType activation)
    {
        CudaTest.OpenDevice().Dispose();
        CudaCase.Run(Kind(activation), name, activation, GemmChoice.Own);
    }

    private static string Kind(DType type) => $"own {type}";
}
