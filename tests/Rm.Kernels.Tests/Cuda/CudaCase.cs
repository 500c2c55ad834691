using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tensors;
using Rm.Kernels.Tests.Conformance;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>Runs declared cases on the CUDA device: on the emulator in several schedules of blocks, warps and lanes.</summary>
internal static class CudaCase
{
    // Schedules must not matter; which ones a case gets depends on its place, so that all together see many.
    private const int Schedules = 3;

    /// <summary>Runs one case with the products of <paramref name="gemm"/>.</summary>
    public static void Run(string kind, string name, DType activation, GemmChoice gemm) => CaseLedger.Run(kind, name, () =>
    {
        int schedules = CudaLibraries.IsEmulated ? Schedules : 1;
        int first = ConformanceTests.Cases.Keys.TakeWhile(other => other != name).Count();
        for (int seed = first; seed < first + schedules; seed++)
        {
            if (CudaLibraries.IsEmulated)
            {
                Emulator.SetSeed((ulong)seed);
            }

            using CudaBackend backend = new(ordinal: 0, activation, gemm);
            string products = gemm switch { GemmChoice.Wgmma => "wgmma", GemmChoice.CublasLt => "cuBLASLt", _ => "" };
            Assert.Contains(products, backend.Description, StringComparison.Ordinal);
            using OperationBench bench = new(backend, seed: 1);
            ConformanceTests.Cases[name].Run(bench);
            bench.CheckInputs();
        }

        if (CudaLibraries.IsEmulated)
        {
            Assert.Equal("", Emulator.LeakReport);
        }
    });
}
