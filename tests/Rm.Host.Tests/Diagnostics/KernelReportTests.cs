using System.Text.Json;
using Rm.Host.Doctor;
using Rm.Host.Tests.EndToEnd;
using Rm.Kernels.Checks;
using Rm.Kernels.Tensors;

namespace Rm.Host.Tests.Diagnostics;

[Collection("CUDA device")]
public sealed class KernelReportTests
{
    private static readonly OperationCheckResult Product = new(
        "LinearForward", "T=8192 [4096, 4096]", "y", 1e-3, 8e-3, true, null, 5e-4, 2.75e11, 2e8, 0.9);

    private static readonly OperationCheckResult Copy = new("Copy", "[8192, 2048]", "y", 0, 4e-3, true, null, 2e-5, 0, 6.7e7, 0.7);

    private static readonly KernelReport Report =
        new("cuda:0, Test GPU", false, "cpu", new DeviceCeilings(4.2e12, 6e14), [Product, Copy], 3);

    [Fact]
    public void Doctor_kernels_on_the_emulated_device_passes_and_tells_no_rates()
    {
        EmulatedDevice.Open(DType.BF16).Dispose();
        Assert.SkipUnless(Rm.Kernels.Cuda.CudaDevices.IsEmulated, "needs the emulator");
        JsonElement report = JsonDocument.Parse(Btrm.Succeed("doctor", "--kernels", "--device", "emulated", "--json").Output).RootElement;
        Assert.True(report.GetProperty("passed").GetBoolean());
        Assert.True(report.GetProperty("emulated").GetBoolean());
        Assert.Equal(JsonValueKind.Null, report.GetProperty("gemm_tflops").ValueKind);
        JsonElement[] results = [.. report.GetProperty("results").EnumerateArray()];
        Assert.Equal(report.GetProperty("checks").GetInt32(), results.Length);
        Assert.True(results.Length > 40);
        Assert.All(results, static result =>
        {
            Assert.True(result.GetProperty("error").GetDouble() <= result.GetProperty("bound").GetDouble());
            Assert.Equal(JsonValueKind.Null, result.GetProperty("seconds").ValueKind);
            Assert.Equal(JsonValueKind.Null, result.GetProperty("tflops").ValueKind);
        });
    }

    [Fact]
    public void Without_a_gpu_there_is_nothing_to_check() =>
        Btrm.Fail(2, ["doctor", "--kernels", "--device", "cpu"], "--kernels", "--device cuda");

    [Fact]
    public void A_gpus_report_has_rates_and_shares()
    {
        JsonElement json = Json(Report);
        Assert.Equal(600, json.GetProperty("gemm_tflops").GetDouble());
        JsonElement product = json.GetProperty("results")[0], copy = json.GetProperty("results")[1];
        Assert.Equal(550, product.GetProperty("tflops").GetDouble(), 6);
        Assert.Equal(0.9, product.GetProperty("share_of_ceiling").GetDouble());
        Assert.Equal(3350, copy.GetProperty("gb_per_s").GetDouble(), 6);
        Assert.Equal(JsonValueKind.Null, copy.GetProperty("tflops").ValueKind);
        string text = Text(Report);
        Assert.Contains("copy 4200 GB/s, own products 600.0 TFLOP/s", text, StringComparison.Ordinal);
        Assert.Contains("550.0 TFLOP/s", text, StringComparison.Ordinal);
        Assert.Contains("2 of 2 within their bounds", text, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failure_is_told_with_output_error_and_bound_and_NaN_is_null()
    {
        KernelReport report =
            Report with { Results = [Product with { Passed = false, Error = 0.25 }, Copy with { Passed = false, Error = double.NaN }] };
        Assert.False(report.Passed);
        string text = Text(report);
        Assert.Contains("FAILED: LinearForward T=8192 [4096, 4096]: y is off by 2.50E-001", text, StringComparison.Ordinal);
        Assert.Contains("0 of 2 within their bounds", text, StringComparison.Ordinal);
        JsonElement json = Json(report);
        Assert.Equal(2, json.GetProperty("failed").GetInt32());
        Assert.Equal(JsonValueKind.Null, json.GetProperty("results")[1].GetProperty("error").ValueKind);
    }

    private static JsonElement Json(KernelReport report)
    {
        using var buffer = new MemoryStream();
        report.WriteJson(buffer);
        return JsonDocument.Parse(buffer.ToArray()).RootElement;
    }

    private static string Text(KernelReport report)
    {
        using var writer = new StringWriter();
        report.WriteText(writer);
        return writer.ToString();
    }
}
