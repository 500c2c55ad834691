using Rm.Kernels.Cuda;

namespace Rm.Host.Doctor;

/// <summary>What <c>btrm doctor</c> found on this machine.</summary>
/// <param name="Version">btrm's version.</param>
/// <param name="OperatingSystem">Name, version and processor architecture.</param>
/// <param name="Runtime">.NET's version.</param>
/// <param name="Cpu">Processor and memory.</param>
/// <param name="Cuda">Driver, GPUs, and where their kernels come from.</param>
/// <param name="Device">What training would run on: "cuda:0", or "cpu" where no GPU works.</param>
/// <param name="Findings">What is missing or wrong and how to get it; empty when all is well.</param>
public sealed record DoctorReport(
    string Version, string OperatingSystem, string Runtime, CpuReport Cpu, CudaReport Cuda, string Device,
    IReadOnlyList<DoctorFinding> Findings);

/// <summary>One thing that is missing or wrong.</summary>
/// <param name="Severity">How much it matters.</param>
/// <param name="Subject">What it is about: "driver", "cuda:0", "nvrtc", "cache", "cpu".</param>
/// <param name="Problem">What was found.</param>
/// <param name="Remedy">What to do.</param>
public sealed record DoctorFinding(DoctorSeverity Severity, string Subject, string Problem, string Remedy);

/// <summary>How much a finding matters.</summary>
public enum DoctorSeverity
{
    /// <summary>Everything works; something could be better.</summary>
    Note,

    /// <summary>Something works worse than it could, or only on the CPU.</summary>
    Warning,

    /// <summary>Something that is there does not work.</summary>
    Error,
}
