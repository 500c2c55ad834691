using System.Globalization;
using Rm.Kernels.Cuda;

namespace Rm.Host.Doctor;

/// <summary>The report for people.</summary>
public static class DoctorText
{
    /// <summary>Writes <paramref name="report"/> as lines of plain text.</summary>
    public static void Write(DoctorReport report, TextWriter output)
    {
        ArgumentNullException.ThrowIfNull(report);
        ArgumentNullException.ThrowIfNull(output);
        Line(output, "btrm", $"{report.Version}, {report.Runtime}");
        Line(output, "system", report.OperatingSystem);
        Line(output, "cpu", $"{Join(report.Cpu.Features)}, {report.Cpu.Threads} threads, {Bytes(report.Cpu.Memory)} of memory");
        WriteCuda(report.Cuda, output);
        Line(output, "device", $"--device auto takes {report.Device}");
        foreach (DoctorFinding finding in report.Findings)
        {
            output.WriteLine();
            output.WriteLine($"{finding.Severity.ToString().ToLowerInvariant()}: {finding.Subject}: {finding.Problem}");
            output.WriteLine($"  {finding.Remedy}");
        }

        if (report.Findings.Count == 0)
        {
            output.WriteLine();
            output.WriteLine("No problems found.");
        }
    }

    private static void WriteCuda(CudaReport cuda, TextWriter output)
    {
        string driver = cuda.Library is null
            ? "not found"
            : $"{cuda.Library}, CUDA {cuda.DriverApiVersion ?? "unknown"}"
                + (cuda.DriverPackageVersion is null ? "" : $", driver {cuda.DriverPackageVersion}")
                + (cuda.IsEmulated ? " (emulator)" : "")
                + (cuda.Binding == "btrm" ? "" : $", called through {cuda.Binding}");
        Line(output, "driver", driver);
        foreach (CudaDeviceReport device in cuda.Devices)
        {
            Line(
                output, $"cuda:{device.Ordinal}",
                $"{device.Name}, compute capability {device.Architecture}, {device.Multiprocessors} multiprocessors, "
                + $"{Bytes(device.FreeMemory)} of {Bytes(device.TotalMemory)} free"
                + (device.PeakBandwidth > 0 ? string.Create(CultureInfo.InvariantCulture, $", {device.PeakBandwidth / 1e9:F0} GB/s") : "")
                + (device.PowerLimit is { } watts ? string.Create(CultureInfo.InvariantCulture, $", {watts:F0} W") : "")
                + (device.MaxClock is { } clock ? $", {clock} MHz" : "")
                + (device.EccEnabled ? ", ECC" : ""));
        }

        CudaBuildsReport builds = cuda.Builds;
        Line(
            output, "kernels",
            $"{builds.Kernels} in {builds.SourceFiles} files; {Images(builds)}");
        Line(
            output, "nvrtc",
            builds.NvrtcVersion is null
                ? "not found"
                : $"{builds.NvrtcLibrary}, {builds.NvrtcVersion}, compiles for {string.Join(' ', builds.NvrtcArchitectures)}");
        Line(
            output, "cublasLt",
            cuda.CublasLtLibrary is null ? "not found (optional)" : $"{cuda.CublasLtLibrary}, {cuda.CublasLtVersion}");
        Line(
            output, "cache",
            $"{builds.CacheFolder}, {builds.CacheEntries} entries, "
                + $"{Bytes(builds.CacheBytes)}{(builds.CacheWritable ? "" : ", not writable")}");
    }

    private static void Line(TextWriter output, string name, string value) => output.WriteLine($"{name,-8} {value}");

    private static string Join(IReadOnlyList<string> features) =>
        features.Count == 0 ? "no vector instructions" : string.Join(", ", features);

    private static string Bytes(long bytes) => bytes switch
    {
        >= 1L << 30 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 30):F1} GiB"),
        >= 1L << 20 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1L << 20):F1} MiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes} bytes"),
    };

    private static string Images(CudaBuildsReport builds) => builds.Images.Count == 0
        ? "no compiled ones in this build"
        : $"compiled for {string.Join(", ", builds.Images.Select(Image))}, {Bytes(builds.ImageBytes)}";

    private static string Image(KernelImagesReport image) => image.Target + (image.IsCurrent ? "" : " (of other sources: not used)");
}
