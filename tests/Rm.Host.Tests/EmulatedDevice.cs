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
        CudaBackend? probe = CudaDevices.TryOpen(0, out string? problem, gemm);
        probe?.Dispose();
        Assert.SkipWhen(
            probe is null, $"No CUDA device, and no emulator at {EmulatorPath} (native/build-emulator.sh builds it): {problem}");
        return new CudaBackend(ordinal: 0, activation, gemm);
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
