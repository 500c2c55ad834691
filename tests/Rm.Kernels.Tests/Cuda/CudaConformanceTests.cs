using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>
/// Every declared case on the CUDA backend, through binding, launchers and kernels, in both activation types: on the emulator in several
/// schedules, or on the GPU that is there.
/// </summary>
[Collection(CudaCollection.Name)]
public sealed class CudaConformanceTests
{
    private const int Schedules = 20;

    public static TheoryData<string, DType> CasesAndTypes { get; } =
    [
        .. from name in ConformanceTests.Cases.Keys
           from type in new[] { DType.BF16, DType.F32 }
           select (name, type),
    ];

    [Theory]
    [MemberData(nameof(CasesAndTypes))]
    public void Operation_matches_its_reference(string name, DType activation)
    {
        CudaTest.OpenDevice().Dispose();
        int schedules = CudaLibraries.IsEmulated ? Schedules : 1;
        for (int seed = 0; seed < schedules; seed++)
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
