using System.Runtime.CompilerServices;
using Rm.Kernels.Cuda;
using Rm.Kernels.Tensors;

namespace Rm.Host.Tests;

/// <summary>
/// The CUDA device of the tests: the library that BTRM_CUDA_LIBRARY names; else, unless BTRM_TEST_DEVICE is "cuda", the emulator where it
/// has been built (native/build-emulator.sh); else the machine's own driver. Without any of them the tests that need one skip and say why.
/// </summary>
internal static class EmulatedDevice
{
    private const string Variable = "BTRM_CUDA_LIBRARY";

    private static string EmulatorPath => Path.Combine(TestPaths.Repository, "out", "native", "emulator", "libbtrm_emulator.so");

    /// <summary>Opens the device, or skips the calling test.</summary>
    public static CudaBackend Open(DType activation, GemmChoice gemm = GemmChoice.Own)
    {
        Assert.SkipUnless(
            Opens(GemmChoice.Own, out string? problem),
            $"No CUDA device, and no emulator at {EmulatorPath} (native/build-emulator.sh builds it): {problem}");
        // The reason alone: bench/gpu-check/common.sh tells a test of another architecture's products from one that should have run.
        Assert.SkipUnless(Opens(gemm, out problem), problem ?? "");
        return new CudaBackend(ordinal: 0, activation, gemm);
    }

    private static bool Opens(GemmChoice gemm, out string? problem)
    {
        using CudaBackend? probe = CudaDevices.TryOpen(0, out problem, gemm);
        return probe is not null;
    }

    [ModuleInitializer]
    internal static void ChooseLibrary()
    {
        if (Environment.GetEnvironmentVariable("BTRM_TEST_DEVICE") != "cuda"
            && string.IsNullOrEmpty(Environment.GetEnvironmentVariable(Variable)) && File.Exists(EmulatorPath))
        {
            Environment.SetEnvironmentVariable(Variable, EmulatorPath);
        }
    }
}
