using System.Text.Json;
using Rm.Host.Tests.EndToEnd;
using Rm.Kernels.Tensors;

namespace Rm.Host.Tests.Cli;

/// <summary>
/// --track-gpu, --profile-steps, ranges for a profiler and --gemm, each as a process on the emulated device, which stands for the driver,
/// NVML, cuBLASLt and the profiler's injected library.
/// </summary>
[Collection("CUDA device")]
public sealed class InstrumentOptionsTests : IDisposable
{
    private readonly ScratchFolder _scratch = new();
    private string? _model;

    public void Dispose() => _scratch.Dispose();

    [Fact]
    public void A_profiler_sees_steps_micro_batches_layers_and_operations_and_the_bracket_around_its_steps()
    {
        string log = _scratch["profile.txt"];
        Train(steps: 3, $"NVTX_INJECTION64_PATH='{Emulator}' BTRM_EMULATOR_PROFILE='{log}'", "--profile-steps", "2:2");
        List<string> lines = [.. File.ReadAllLines(log)];
        Assert.Equal(["profiler start", "step 2", "profiler stop", "step 3"], lines.Where(IsStepOrBracket).SkipWhile(l => l == "step 1"));
        Assert.Contains(" micro-batch 1", lines);
        Assert.Contains("  forward of layer 0", lines);
        Assert.Contains("  backward of layer 0", lines);
        Assert.Contains("   linear_forward", lines);
        Assert.Contains("   attention_backward", lines);
        Assert.Contains(" adamw_forward", lines);
        Assert.DoesNotContain("pop without a range", lines);

        static bool IsStepOrBracket(string line) =>
            line.StartsWith("step ", StringComparison.Ordinal) || line.StartsWith("profiler ", StringComparison.Ordinal);
    }

    [Fact]
    public void A_bracket_that_the_run_does_not_reach_the_end_of_is_closed()
    {
        string log = _scratch["profile.txt"];
        Train(steps: 2, $"BTRM_EMULATOR_PROFILE='{log}'", "--profile-steps", "2:9");
        Assert.Equal(["profiler start", "profiler stop"], File.ReadAllLines(log));
    }

    [Fact]
    public void A_profiler_that_cannot_be_loaded_changes_nothing() =>
        Train(steps: 1, $"NVTX_INJECTION64_PATH='{_scratch["missing.so"]}'");

    [Fact]
    public void Metrics_lines_have_mean_and_largest_value_of_each_sensor()
    {
        Train(steps: 2, "", "--track-gpu");
        JsonElement[] lines = IdRows.Read(Path.Combine(_scratch["out"], "metrics.jsonl"));
        Assert.Equal(2, lines.Length);
        foreach (JsonElement line in lines)
        {
            Assert.True(line.GetProperty("gpu_samples").GetInt32() >= 1);
            foreach ((string name, double low, double high) in new[]
                     {
                         ("gpu_utilization", 60.0, 90.0), ("gpu_memory_utilization", 20, 40), ("gpu_memory_gib", 0.0001, 64),
                         ("gpu_power_watts", 400, 600), ("gpu_temperature", 50, 60), ("gpu_sm_clock_mhz", 1500, 1900),
                         ("gpu_memory_clock_mhz", 3201, 3201),
                     })
            {
                double mean = line.GetProperty(name + "_mean").GetDouble(), max = line.GetProperty(name + "_max").GetDouble();
                Assert.InRange(mean, low, max);
                Assert.InRange(max, mean, high);
            }
        }
    }

    [Fact]
    public void Without_NVML_a_line_says_so_and_the_run_goes_on()
    {
        CommandResult result = Train(steps: 1, "BTRM_NVML_LIBRARY=/nowhere/libnvidia-ml.so.1", "--track-gpu");
        Assert.Single(result.Error.Split('\n'), line =>
            line.Contains("--track-gpu has nothing to record: NVML (/nowhere/libnvidia-ml.so.1)", StringComparison.Ordinal));
        Assert.DoesNotContain("gpu_", File.ReadAllText(Path.Combine(_scratch["out"], "metrics.jsonl")), StringComparison.Ordinal);
    }

    // Both kernels sum in order of k, and so does the emulator's tensor core; a GPU's has an order of its own within an instruction.
    [Fact]
    public void Training_with_wgmma_repeats_bit_for_bit_and_gives_on_the_emulator_the_bits_of_the_default()
    {
        Assert.Contains("products by wgmma", Train(steps: 2, "", "--gemm", "wgmma").Error, StringComparison.Ordinal);
        byte[] first = Adapter();
        Train(steps: 2, "", "--overwrite", "--gemm", "wgmma");
        Assert.Equal(first, Adapter());
        Train(steps: 2, "", "--overwrite");
        Assert.Equal(first, Adapter());
    }

    [Fact]
    public void Training_with_cuBLASLt_moves_the_loss_by_rounding_alone_and_repeats_bit_for_bit()
    {
        Train(steps: 2, "", "--gemm", "cublaslt");
        byte[] first = Adapter();
        double loss = Loss();
        Train(steps: 2, "", "--overwrite", "--gemm", "cublaslt");
        Assert.Equal(first, Adapter());
        Train(steps: 2, "", "--overwrite");
        Assert.NotEqual(first, Adapter());
        Assert.InRange(Loss(), loss - 0.02, loss + 0.02);
    }

    [Fact]
    public void A_missing_cuBLASLt_is_named()
    {
        CommandResult result = Run(
            "BTRM_CUBLASLT_LIBRARY=/nowhere/libcublasLt.so.12", "bench", "--shape", "tiny", "--device", "emulated", "--gemm", "cublaslt");
        Assert.Equal(2, result.ExitCode);
        Btrm.AssertMessage(result, "--device emulated", "/nowhere/libcublasLt.so.12", "BTRM_CUBLASLT_LIBRARY");
    }

    [Theory]
    [InlineData("cublaslt")]
    [InlineData("wgmma")]
    public void Products_of_a_GPU_on_the_CPU_are_refused(string gemm) => Btrm.Fail(
        2, ["bench", "--shape", "tiny", "--device", "cpu", "--gemm", gemm], "--gemm", "CPU");

    [Theory]
    [InlineData("3")]
    [InlineData("0:2")]
    [InlineData("4:3")]
    [InlineData("1:2:3")]
    [InlineData("-1:2")]
    [InlineData("a:b")]
    [InlineData(":")]
    public void A_range_that_makes_no_sense_is_refused(string range) => Btrm.Fail(
        2, ["train", "--model", Model, "--train-file", "x.jsonl", "--output-dir", _scratch["out"], $"--profile-steps={range}"],
        "--profile-steps", range);

    private string Model => _model ??= ShallowQuickstart.Write(_scratch);

    private static string Emulator => Environment.GetEnvironmentVariable("BTRM_CUDA_LIBRARY")!;

    private byte[] Adapter() => File.ReadAllBytes(Path.Combine(_scratch["out"], "final", "adapter_model.safetensors"));

    private double Loss() => IdRows.Read(Path.Combine(_scratch["out"], "metrics.jsonl"))[^1].GetProperty("loss").GetDouble();

    private CommandResult Train(int steps, string environment, params string[] options)
    {
        string rows = _scratch.Write("train.jsonl", """{"prompt": "Name a fruit.", "chosen": "An apple.", "rejected": "No."}""" + "\n");
        CommandResult result = Run(
            environment,
            [
                "train", "--device", "emulated", "--model", Model, "--train-file", rows, "--lora", "--steps", $"{steps}", "--batch-size",
                "1",
                "--log-every", "1", "--save-every", "0", "--output-dir", _scratch["out"], .. options,
            ]);
        Assert.True(result.ExitCode == 0, result.Error);
        return result;
    }

    private static CommandResult Run(string environment, params string[] arguments)
    {
        using (EmulatedDevice.Open(DType.BF16))
        {
            Assert.SkipUnless(Rm.Kernels.Cuda.CudaDevices.IsEmulated, "needs the emulator");
        }

        using var process = new BtrmProcess(arguments, environment);
        return process.Wait();
    }
}
