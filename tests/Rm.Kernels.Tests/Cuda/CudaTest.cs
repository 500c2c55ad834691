using System.Runtime.CompilerServices;
using Rm.Kernels.Cuda;
using Rm.Kernels.Cuda.Driver;

namespace Rm.Kernels.Tests.Cuda;

/// <summary>
/// Which driver the CUDA tests of this process run on: the library that BTRM_CUDA_LIBRARY names; else, unless BTRM_TEST_DEVICE is "cuda",
/// the emulator where it has been built (native/build-emulator.sh); else the machine's own driver. Without any of them they skip and say
/// why.
/// </summary>
internal static class CudaTest
{
    /// <summary>Trait of what a test needs, by which a machine with a GPU selects those that it can run.</summary>
    public const string Needs = "needs";

    /// <summary>Its value for tests that set or read the emulator.</summary>
    public const string NeedsOfEmulator = "emulator";

    /// <summary>Its value for tests of compute capability 9.0 alone.</summary>
    public const string NeedsOfHopper = "hopper";

    // Making a GPU's primary context takes a tenth of a second, and it goes with its last handle: the process keeps one. The emulator's
    // goes with every test, and says what was not freed.
    private static CudaDevice? s_kept;

    private static string EmulatorPath => Path.Combine(TestPaths.Repository, "out", "native", "emulator", CudaLibraries.EmulatorFileName);

    /// <summary>Opens the device, or skips the calling test.</summary>
    public static CudaDevice OpenDevice()
    {
        string? reason = null;
        try
        {
            if (CudaDevice.Count != 0)
            {
                s_kept ??= CudaLibraries.IsEmulated ? null : CudaDevice.Open(0);
                return CudaDevice.Open(0);
            }

            reason = "the driver sees no device";
        }
        catch (CudaException missing) when (missing.Result is CudaResult.NotInitialized or CudaResult.NoDevice)
        {
            reason = missing.Message;
        }

        Assert.Skip($"No CUDA device, and no emulator at {EmulatorPath} (native/build-emulator.sh builds it): {reason}");
        throw new InvalidOperationException("unreachable");
    }

    /// <summary>Skips the calling test unless it runs on the emulator.</summary>
    public static void NeedsEmulator() => Assert.SkipUnless(CudaLibraries.IsEmulated, $"needs the emulator, {EmulatorPath}");

    /// <summary>Skips the calling test unless the device has wgmma.</summary>
    public static void NeedsHopper()
    {
        using CudaDevice device = OpenDevice();
        Assert.SkipUnless(device.Architecture == CudaArchitecture.Hopper, $"needs compute capability 9.0: {device}");
    }

    /// <summary>Skips the calling test where NVRTC is not installed.</summary>
    public static void NeedsNvrtc() => Assert.SkipUnless(
        CudaLibraries.IsAvailable(CudaLibraries.Nvrtc),
        $"needs NVRTC: native/scripts/nvrtc-check fetches it, or set {CudaLibraries.NvrtcVariable}");

    [ModuleInitializer]
    internal static void ChooseLibraries()
    {
        Prefer(CudaLibraries.DriverVariable, Environment.GetEnvironmentVariable("BTRM_TEST_DEVICE") == "cuda" ? null : EmulatorPath);
        string tools = Path.Combine(TestPaths.Repository, ".tools");
        Prefer(
            CudaLibraries.NvrtcVariable,
            Directory.Exists(tools)
                ? Directory.EnumerateFiles(tools, "libnvrtc.so.1?", SearchOption.AllDirectories).FirstOrDefault()
                : null);
    }

    private static void Prefer(string variable, string? path)
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable(variable)) && File.Exists(path))
        {
            Environment.SetEnvironmentVariable(variable, path);
        }
    }
}
