using System.Text.Json;
using Rm.Kernels.Cuda;

namespace Rm.Host.Doctor;

/// <summary>The report for programs. Absent things are null; sizes are bytes, rates bytes a second, power watts, clocks MHz.</summary>
public static class DoctorJson
{
    /// <summary>Writes <paramref name="report"/> as one indented JSON object.</summary>
    public static void Write(DoctorReport report, Stream output)
    {
        ArgumentNullException.ThrowIfNull(report);
        using Utf8JsonWriter json = new(output, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WriteString("version", report.Version);
        json.WriteString("operating_system", report.OperatingSystem);
        json.WriteString("runtime", report.Runtime);
        json.WriteString("device", report.Device);
        json.WriteStartObject("cpu");
        WriteArray(json, "features", report.Cpu.Features);
        json.WriteNumber("threads", report.Cpu.Threads);
        json.WriteNumber("memory", report.Cpu.Memory);
        json.WriteEndObject();
        WriteCuda(json, report.Cuda);
        json.WriteStartArray("findings");
        foreach (DoctorFinding finding in report.Findings)
        {
            json.WriteStartObject();
            json.WriteString("severity", finding.Severity.ToString().ToLowerInvariant());
            json.WriteString("subject", finding.Subject);
            json.WriteString("problem", finding.Problem);
            json.WriteString("remedy", finding.Remedy);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteCuda(Utf8JsonWriter json, CudaReport cuda)
    {
        json.WriteStartObject("cuda");
        json.WriteString("library", cuda.Library);
        WriteArray(json, "libraries_tried", cuda.LibrariesTried);
        json.WriteBoolean("emulated", cuda.IsEmulated);
        json.WriteString("binding", cuda.Binding);
        json.WriteString("api_version", cuda.DriverApiVersion);
        json.WriteString("driver_version", cuda.DriverPackageVersion);
        json.WriteString("problem", cuda.Problem);
        json.WriteStartArray("devices");
        foreach (CudaDeviceReport device in cuda.Devices)
        {
            WriteDevice(json, device);
        }

        json.WriteEndArray();
        WriteBuilds(json, cuda.Builds);
        json.WriteString("cublaslt_library", cuda.CublasLtLibrary);
        json.WriteString("cublaslt_version", cuda.CublasLtVersion);
        json.WriteEndObject();
    }

    private static void WriteDevice(Utf8JsonWriter json, CudaDeviceReport device)
    {
        json.WriteStartObject();
        json.WriteNumber("ordinal", device.Ordinal);
        json.WriteString("name", device.Name);
        json.WriteString("uuid", device.Uuid);
        json.WriteString("compute_capability", device.Architecture.ToString());
        json.WriteNumber("multiprocessors", device.Multiprocessors);
        json.WriteNumber("total_memory", device.TotalMemory);
        json.WriteNumber("free_memory", device.FreeMemory);
        json.WriteNumber("l2_cache", device.L2Cache);
        json.WriteNumber("shared_memory_per_block", device.SharedMemoryPerBlock);
        json.WriteNumber("peak_bandwidth", device.PeakBandwidth);
        json.WriteBoolean("ecc", device.EccEnabled);
        WriteNumberOrNull(json, "power_limit", device.PowerLimit);
        WriteNumberOrNull(json, "max_clock", device.MaxClock);
        json.WriteString("problem", device.Problem);
        json.WriteEndObject();
    }

    private static void WriteBuilds(Utf8JsonWriter json, CudaBuildsReport builds)
    {
        json.WriteStartObject("kernels");
        json.WriteStartArray("images");
        foreach (KernelImagesReport image in builds.Images)
        {
            json.WriteStartObject();
            json.WriteString("target", image.Target);
            json.WriteString("compiler", image.Compiler);
            json.WriteBoolean("current", image.IsCurrent);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteNumber("image_bytes", builds.ImageBytes);
        json.WriteNumber("source_files", builds.SourceFiles);
        json.WriteNumber("kernels", builds.Kernels);
        json.WriteString("nvrtc_library", builds.NvrtcLibrary);
        json.WriteString("nvrtc_version", builds.NvrtcVersion);
        json.WriteStartArray("nvrtc_architectures");
        foreach (int architecture in builds.NvrtcArchitectures)
        {
            json.WriteNumberValue(architecture);
        }

        json.WriteEndArray();
        json.WriteString("nvrtc_problem", builds.NvrtcProblem);
        json.WriteString("cache_folder", builds.CacheFolder);
        json.WriteNumber("cache_entries", builds.CacheEntries);
        json.WriteNumber("cache_bytes", builds.CacheBytes);
        json.WriteBoolean("cache_writable", builds.CacheWritable);
        json.WriteEndObject();
    }

    private static void WriteNumberOrNull(Utf8JsonWriter json, string name, double? value)
    {
        if (value is { } number)
        {
            json.WriteNumber(name, number);
        }
        else
        {
            json.WriteNull(name);
        }
    }

    private static void WriteArray(Utf8JsonWriter json, string name, IEnumerable<string> values)
    {
        json.WriteStartArray(name);
        foreach (string value in values)
        {
            json.WriteStringValue(value);
        }

        json.WriteEndArray();
    }
}
