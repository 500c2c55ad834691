using System.Reflection;
using System.Runtime.InteropServices;
using Rm.Kernels.Cuda;

namespace Rm.Host.Doctor;

/// <summary>Examines the machine for <c>btrm doctor</c>. Missing libraries are findings, never failures.</summary>
public static class DoctorExamination
{
    // .NET opens it by these names at the first secure connection, and there ends the process without it.
    private static readonly string[] TlsLibraries = ["libssl.so.3", "libssl.so.1.1", "libssl.so"];

    private const string InstallNvrtc =
        "Install NVRTC 12 or newer: it is part of the CUDA toolkit (Debian and Ubuntu: libnvrtc12 or cuda-nvrtc), or set "
        + "BTRM_NVRTC_LIBRARY to libnvrtc's path.";

    /// <summary>Examines this machine.</summary>
    public static DoctorReport Examine() => Assess(CpuReport.Read(), CudaProbe.Run(), HasTls());

    /// <summary>Judges what was read.</summary>
    /// <param name="cpu">The processor.</param>
    /// <param name="cuda">Driver, GPUs and kernels.</param>
    /// <param name="hasTls">Whether the system has what https needs.</param>
    public static DoctorReport Assess(CpuReport cpu, CudaReport cuda, bool hasTls = true)
    {
        ArgumentNullException.ThrowIfNull(cpu);
        ArgumentNullException.ThrowIfNull(cuda);
        List<DoctorFinding> findings = [];
        AddDriver(findings, cuda);
        AddDevices(findings, cuda);
        AddBuilds(findings, cuda);
        if (!hasTls)
        {
            findings.Add(new DoctorFinding(
                DoctorSeverity.Warning, "tls", "OpenSSL's libssl is not installed, so models and data cannot come from the hub.",
                "Install it (Debian and Ubuntu: libssl3), or copy them here and name their folders."));
        }

        if (cpu.Features.Count == 0)
        {
            findings.Add(new DoctorFinding(
                DoctorSeverity.Warning, "cpu", "The processor has no vector instructions that btrm uses.",
                "CPU training will be very slow: use a machine with AVX2, or a GPU."));
        }

        CudaDeviceReport? first = cuda.Devices.FirstOrDefault(static device => device.Problem is null);
        string version =
            typeof(DoctorExamination).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion
                ?? "unknown";
        return new DoctorReport(
            version,
            $"{RuntimeInformation.OSDescription}, {RuntimeInformation.ProcessArchitecture}",
            RuntimeInformation.FrameworkDescription,
            cpu,
            cuda,
            cuda.Problem is null && first is not null ? $"cuda:{first.Ordinal}" : "cpu",
            findings);
    }

    private static bool HasTls() => !OperatingSystem.IsLinux() || TlsLibraries.Any(static name => NativeLibrary.TryLoad(name, out _));

    private static void AddDriver(List<DoctorFinding> findings, CudaReport cuda)
    {
        if (cuda.Library is null)
        {
            findings.Add(new DoctorFinding(
                DoctorSeverity.Warning, "driver",
                $"No NVIDIA driver: {string.Join(", ", cuda.LibrariesTried)} could not be loaded, so btrm runs on the CPU.",
                "On a machine with an NVIDIA GPU install its driver (525.60 or newer); in a container pass the GPUs in "
                + "(--gpus all, or --nv)."));
        }
        else if (cuda.Problem is not null)
        {
            findings.Add(new DoctorFinding(
                DoctorSeverity.Error, "driver", cuda.Problem, "Until then btrm runs on the CPU (--device cpu)."));
        }

        if (cuda.IsEmulated)
        {
            findings.Add(new DoctorFinding(
                DoctorSeverity.Note, "driver", $"{cuda.Library} is btrm's emulator, not a GPU.",
                "It checks kernels and is slow: unset BTRM_CUDA_LIBRARY to use the machine's own driver."));
        }
    }

    private static void AddDevices(List<DoctorFinding> findings, CudaReport cuda)
    {
        foreach (CudaDeviceReport device in cuda.Devices.Where(static device => device.Problem is not null))
        {
            findings.Add(new DoctorFinding(
                DoctorSeverity.Error, $"cuda:{device.Ordinal}", device.Problem!,
                device.Architecture.IsSupported ? InstallNvrtc : "Use a GPU of the Ampere generation or newer, or --device cpu."));
        }
    }

    private static void AddBuilds(List<DoctorFinding> findings, CudaReport cuda)
    {
        CudaBuildsReport builds = cuda.Builds;
        bool wanted = cuda.Devices.Count != 0 && !cuda.IsEmulated;
        bool carried = cuda.Devices.Count != 0
            && cuda.Devices.All(device => builds.Images.Any(image => image.IsCurrent && image.Serves(device.Architecture)));
        if (builds.NvrtcProblem is not null)
        {
            findings.Add(new DoctorFinding(
                !carried && wanted ? DoctorSeverity.Error : DoctorSeverity.Note, "nvrtc", builds.NvrtcProblem, InstallNvrtc));
        }

        if (wanted && builds.NvrtcVersion is not null && !carried && !builds.CacheWritable)
        {
            findings.Add(new DoctorFinding(
                DoctorSeverity.Warning, "cache", $"{builds.CacheFolder} cannot be written, so every run compiles its kernels anew.",
                "Make it writable, or set XDG_CACHE_HOME to a folder that is."));
        }
    }
}
