using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>
/// The declared cases of the operations that have kernels, through binding, launchers and kernels: on the emulator in several schedules,
/// or on the GPU that is there.
/// </summary>
[Collection(CudaCollection.Name)]
public sealed class CudaConformanceTests
{
    private const int Schedules = 20;

    private static readonly Dictionary<string, OperationCase> Cases = new[] { ElementwiseCases, LinearTileCases.All, LinearCases.All }
        .SelectMany(static cases => cases).ToDictionary(static one => one.Name);

    public static TheoryData<string, DType> CasesAndTypes { get; } =
    [
        .. Cases.Keys.Select(static name => (name, DType.BF16)),
        .. Cases.Keys.Select(static name => (name, DType.F32)),
    ];

    private static IEnumerable<OperationCase> ElementwiseCases =>
    [
        .. RmsNormCases.All.Where(static one => one.Name.StartsWith("rms_norm", StringComparison.Ordinal)), .. SwiGluCases.All,
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

            using CudaSession session = new(ordinal: 0);
            using CudaPiecesBackend backend = new(session, activation);
            using OperationBench bench = new(backend, seed: 1);
            Cases[name].Run(bench);
            bench.CheckInputs();
        }

        if (CudaLibraries.IsEmulated)
        {
            Assert.Equal("", Emulator.LeakReport);
        }
    }
}
