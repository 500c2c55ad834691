using Rm.Host.Tests.EndToEnd;

namespace Rm.Host.Tests.Cli;

/// <summary><c>--device auto</c> where the driver is one like a GPU's: the emulator without the calls by which btrm knows it.</summary>
public sealed class DeviceAutoTests
{
    private static string DriverPath => Path.Combine(TestPaths.Repository, "out", "native", "emulator", "libbtrm_emulator_driver.so");

    [Fact]
    public void A_gpu_without_kernels_is_refused_with_what_to_do()
    {
        Assert.SkipUnless(File.Exists(DriverPath), $"needs {DriverPath} (native/build-emulator.sh)");
        CommandResult result = Run("auto", nvrtc: "/nonexistent/libnvrtc.so.12");
        Assert.True(result.ExitCode == 2, result.Error);
        Assert.Contains("there is a GPU", result.Error, StringComparison.Ordinal);
        Assert.Contains("this build has no sm_90a", result.Error, StringComparison.Ordinal);
        Assert.Contains("/nonexistent/libnvrtc.so.12", result.Error, StringComparison.Ordinal);
        Assert.Contains("--device cpu", result.Error, StringComparison.Ordinal);

        Assert.Equal(0, Run("cpu", nvrtc: "/nonexistent/libnvrtc.so.12").ExitCode);
    }

    private static CommandResult Run(string device, string nvrtc)
    {
        using BtrmProcess process = new(
            ["bench", "--device", device, "--shape", "tiny", "--steps", "1", "--batch-size", "1", "--warmup", "0"],
            $"BTRM_CUDA_LIBRARY='{DriverPath}' BTRM_NVRTC_LIBRARY='{nvrtc}'");
        return process.Wait();
    }
}
