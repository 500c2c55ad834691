using System.Text.Json;
using Rm.Host.Doctor;
using Rm.Kernels.Cuda;

namespace Rm.Host.Tests.Diagnostics;

public sealed class DoctorTests
{
    private static readonly CpuReport Cpu = new(["AVX2", "FMA"], 8, 32L << 30);

    private static readonly CudaBuildsReport Builds =
        new([], 0, 2, 6, "libnvrtc.so.12", "12.4", [80, 86, 89, 90], null, "/home/a/.cache/btrm/kernels", 3, 1 << 20, true);

    private static readonly CudaDeviceReport Gpu = new(
        0, "Test GPU", "GPU-00000000-0000-0000-0000-000000000000", new CudaArchitecture(9, 0), 132, 80L << 30, 79L << 30, 50 << 20, 232448,
        3.35e12, true, 700, 1980, null);

    private static readonly CudaReport Healthy =
        new("libcuda.so.1", ["libcuda.so.1"], false, "btrm", "12.4", "550.54.15", null, [Gpu], Builds);

    [Fact]
    public void A_healthy_machine_has_no_findings_and_takes_its_gpu()
    {
        DoctorReport report = DoctorExamination.Assess(Cpu, Healthy);
        Assert.Empty(report.Findings);
        Assert.Equal("cuda:0", report.Device);
        string text = Text(report);
        Assert.Contains("Test GPU, compute capability 9.0", text);
        Assert.Contains("79.0 GiB of 80.0 GiB free", text);
        Assert.Contains("No problems found.", text);
    }

    [Fact]
    public void A_machine_without_a_driver_is_told_how_to_get_one_and_takes_the_cpu()
    {
        DoctorReport report = DoctorExamination.Assess(
            Cpu, Healthy with { Library = null, DriverApiVersion = null, Problem = "No CUDA driver", Devices = [] });
        DoctorFinding finding = Assert.Single(report.Findings);
        Assert.Equal(("driver", DoctorSeverity.Warning), (finding.Subject, finding.Severity));
        Assert.Contains("libcuda.so.1", finding.Problem);
        Assert.Equal("cpu", report.Device);
    }

    [Fact]
    public void A_gpu_without_kernels_is_an_error_that_names_nvrtc()
    {
        CudaDeviceReport useless = Gpu with { Problem = "No kernels for it" };
        DoctorReport report = DoctorExamination.Assess(
            Cpu, Healthy with { Devices = [useless], Builds = Builds with { NvrtcLibrary = null, NvrtcVersion = null } });
        DoctorFinding finding = Assert.Single(report.Findings);
        Assert.Equal(("cuda:0", DoctorSeverity.Error), (finding.Subject, finding.Severity));
        Assert.Contains("BTRM_NVRTC_LIBRARY", finding.Remedy);
        Assert.Equal("cpu", report.Device);
    }

    [Fact]
    public void The_first_gpu_that_works_is_taken()
    {
        CudaDeviceReport old = Gpu with { Architecture = new CudaArchitecture(7, 0), Problem = "too old" };
        DoctorReport report = DoctorExamination.Assess(Cpu, Healthy with { Devices = [old, Gpu with { Ordinal = 1 }] });
        Assert.Equal("cuda:1", report.Device);
        Assert.Contains("Ampere", Assert.Single(report.Findings).Remedy);
    }

    [Fact]
    public void An_unwritable_cache_matters_only_where_kernels_are_compiled()
    {
        CudaBuildsReport unwritable = Builds with { CacheWritable = false };
        Assert.Equal("cache", Assert.Single(DoctorExamination.Assess(Cpu, Healthy with { Builds = unwritable }).Findings).Subject);
        CudaBuildsReport Carrying(string target, bool current = true) =>
            unwritable with { Images = [new KernelImagesReport(target, "NVRTC 12.4", current)], ImageBytes = 1 };
        Assert.Empty(DoctorExamination.Assess(Cpu, Healthy with { Builds = Carrying("sm_90a") }).Findings);

        // Another architecture's, or of other sources: this GPU's kernels are compiled all the same.
        Assert.Single(DoctorExamination.Assess(Cpu, Healthy with { Builds = Carrying("sm_80") }).Findings);
        Assert.Single(DoctorExamination.Assess(Cpu, Healthy with { Builds = Carrying("sm_90a", current: false) }).Findings);
    }

    [Fact]
    public void The_json_form_has_every_value_with_nulls_for_what_is_absent()
    {
        JsonElement root =
            Json(DoctorExamination.Assess(Cpu, Healthy with { DriverPackageVersion = null, Devices = [Gpu with { PowerLimit = null }] }));
        Assert.Equal("cuda:0", root.GetProperty("device").GetString());
        JsonElement cuda = root.GetProperty("cuda");
        Assert.Equal(JsonValueKind.Null, cuda.GetProperty("driver_version").ValueKind);
        JsonElement device = cuda.GetProperty("devices")[0];
        Assert.Equal("9.0", device.GetProperty("compute_capability").GetString());
        Assert.Equal(80L << 30, device.GetProperty("total_memory").GetInt64());
        Assert.Equal(JsonValueKind.Null, device.GetProperty("power_limit").ValueKind);
        Assert.Equal(1980, device.GetProperty("max_clock").GetInt32());
        Assert.Equal(4, cuda.GetProperty("kernels").GetProperty("nvrtc_architectures").GetArrayLength());
        Assert.Equal(0, root.GetProperty("findings").GetArrayLength());
    }

    [Fact]
    public void CublasLt_is_listed_and_its_absence_is_no_finding()
    {
        DoctorReport without = DoctorExamination.Assess(Cpu, Healthy);
        Assert.Contains("cublasLt not found (optional)", Text(without));
        Assert.Equal(JsonValueKind.Null, Json(without).GetProperty("cuda").GetProperty("cublaslt_library").ValueKind);
        Assert.Empty(without.Findings);
        DoctorReport with =
            DoctorExamination.Assess(Cpu, Healthy with { CublasLtLibrary = "libcublasLt.so.12", CublasLtVersion = "12.4.5" });
        Assert.Contains("cublasLt libcublasLt.so.12, 12.4.5", Text(with));
        Assert.Equal("12.4.5", Json(with).GetProperty("cuda").GetProperty("cublaslt_version").GetString());
        Assert.Empty(with.Findings);
    }

    [Fact]
    public void Examining_this_machine_never_throws_and_reports_in_both_forms()
    {
        DoctorReport report = DoctorExamination.Examine();
        Assert.Equal(Environment.ProcessorCount, report.Cpu.Threads);
        Assert.Contains("driver", Text(report));
        Assert.Equal(report.Findings.Count, Json(report).GetProperty("findings").GetArrayLength());
    }

    private static string Text(DoctorReport report)
    {
        StringWriter writer = new();
        DoctorText.Write(report, writer);
        return writer.ToString();
    }

    private static JsonElement Json(DoctorReport report)
    {
        using MemoryStream stream = new();
        DoctorJson.Write(report, stream);
        return JsonDocument.Parse(stream.ToArray()).RootElement;
    }
}
