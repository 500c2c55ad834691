using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>Every declared case of a linear layer with its products done by wgmma, in several schedules.</summary>
[Collection(CudaCollection.Name)]
public sealed class HopperConformanceTests
{
    private const int Schedules = 3;

    public static TheoryData<string> LinearCases { get; } =
        [.. CaseFilter.Select(ConformanceTests.Cases.Keys, Environment.GetEnvironmentVariable(CaseFilter.Variable)).Where(static name => name.StartsWith("linear", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(LinearCases))]
    public void A_linear_layer_matches_its_reference(string name)
    {
        CudaTest.NeedsHopper();
        int schedules = CudaLibraries.IsEmulated ? Schedules : 1;
        int first = ConformanceTests.Cases.Keys.TakeWhile(other => other != name).Count();
        for (int seed = first; seed < first + schedules; seed++)
        {
            if (CudaLibraries.IsEmulated)
            {
                Emulator.SetSeed((ulong)seed);
            }

            using CudaBackend backend = new(ordinal: 0, DType.BF16, GemmChoice.Wgmma);
            Assert.Contains("wgmma", backend.Description);
            using OperationBench bench = new(backend, seed: 1);
            ConformanceTests.Cases[name].Run(bench);
            bench.CheckInputs();
        }

        if (CudaLibraries.IsEmulated)
        {
            Assert.Equal("", Emulator.LeakReport);
        }
    }
}
