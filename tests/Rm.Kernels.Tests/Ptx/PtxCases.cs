using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;
using Rm.Kernels.Tests.Conformance;
using Rm.Kernels.Tests.Cuda;

namespace Rm.Kernels.Tests.Ptx;

/// <summary>Conformance cases on the emulator's PTX machine.</summary>
internal static class PtxCases
{
    /// <summary>The first case of every operation: names begin with the operation's.</summary>
    public static IEnumerable<string> FirstOfEachOperation =>
        ConformanceTests.Cases.Keys.GroupBy(static name => name.Split(' ', ',')[0]).Select(static group => group.First());

    /// <summary>Runs a case on the device of that architecture; skips without emulator or NVRTC.</summary>
    public static void Run(string name, uint architecture, Func<CudaBackend> open) => On(architecture, () =>
    {
        using (CudaBackend backend = open())
        {
            Assert.Contains("PTX", backend.Description);
            using OperationBench bench = new(backend, seed: 1);
            ConformanceTests.Cases[name].Run(bench);
            bench.CheckInputs();
        }

        Assert.Equal("", Emulator.LeakReport);
    });

    /// <summary>Runs something on the device of that architecture, with PTX asked for.</summary>
    public static void On(uint architecture, Action run)
    {
        CudaTest.OpenDevice().Dispose();
        CudaTest.NeedsEmulator();
        CudaTest.NeedsNvrtc();
        bool before = CudaLibraries.PtxAsked;
        CudaLibraries.PtxAsked = true;
        Emulator.SetArchitecture(architecture);
        Emulator.SetSeed(architecture);
        try
        {
            run();
        }
        finally
        {
            CudaLibraries.PtxAsked = before;
            Emulator.SetArchitecture(90);
        }
    }
}
