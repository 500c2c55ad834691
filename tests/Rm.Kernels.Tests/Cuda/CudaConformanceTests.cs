using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>
/// Every declared case on the CUDA backend, through binding, launchers and kernels, in both activation types: on the emulator in several
/// schedules of blocks, warps and lanes, or on the GPU that is there.
/// </summary>
[Collection(CudaCollection.Name)]
public sealed class CudaConformanceTests
{
    // Schedules must not matter; which ones a case gets depends on its place, so that all together see many.
    private const int Schedules = 3;

    public static TheoryData<string, DType> CasesAndTypes { get; } =
    [
        .. from name in CaseFilter.Select(ConformanceTests.Cases.Keys, Environment.GetEnvironmentVariable(CaseFilter.Variable))
           from type in new[] { DType.BF16, DType.F32 }
           select (name, type),
    ];

    [Theory]
    [MemberData(nameof(CasesAndTypes))]
    public void Operation_matches_its_reference(string name, DType activation)
    {
        CudaTest.OpenDevice().Dispose();
        int schedules = CudaLibraries.IsEmulated ? Schedules : 1;
        int first = ConformanceTests.Cases.Keys.TakeWhile(other => other != name).Count();
        for (int seed = first; seed < first + schedules; seed++)
        {
            if (CudaLibraries.IsEmulated)
            {
                Emulator.SetSeed((ulong)seed);
            }

            using CudaBackend backend = new(ordinal: 0, activation);
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
