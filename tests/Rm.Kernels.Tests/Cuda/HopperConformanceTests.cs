using Rm.Kernels.Cuda;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>Every declared case of a linear layer with its products done by wgmma.</summary>
[Collection(CudaCollection.Name)]
[Trait(CudaTest.Needs, CudaTest.NeedsOfHopper)]
public sealed class HopperConformanceTests
{
    private const string Kind = "wgmma";

    public static TheoryData<string> LinearCases { get; } =
        [.. CaseLedger.Remaining(Kind, ConformanceTests.ProductCases)];

    [Theory]
    [MemberData(nameof(LinearCases))]
    public void A_linear_layer_matches_its_reference(string name)
    {
        CudaTest.NeedsHopper();
        CudaCase.Run(Kind, name, DType.BF16, GemmChoice.Wgmma);
    }
}
