namespace Rm.Kernels.Cuda;

/// <summary>State of the CUDA platform on this machine, as found by <see cref="CudaProbe"/>.</summary>
/// <param name="Library">Path or name of the driver library that loaded, or null.</param>
/// <param name="LibrariesTried">What was looked for.</param>
/// <param name="IsEmulated">Whether that library is the emulator.</param>
/// <param name="Binding">Whose imports call the driver: "btrm", or "ManagedCuda" in a build with that option.</param>
/// <param name="DriverApiVersion">CUDA version that the driver supports, "12.4", or null.</param>
/// <param name="DriverPackageVersion">Version of the driver package from NVML, "550.54.15", or null.</param>
/// <param name="Problem">Why CUDA cannot be used, with advice, or null when it can.</param>
/// <param name="Devices">The visible GPUs.</param>
/// <param name="Builds">Where kernels would come from.</param>
/// <param name="CublasLtLibrary">Path or name of the cuBLASLt that loaded, or null; nothing needs it.</param>
/// <param name="CublasLtVersion">Its version, or null.</param>
public sealed record CudaReport(
    string? Library,
    IReadOnlyList<string> LibrariesTried,
    bool IsEmulated,
    string Binding,
    string? DriverApiVersion,
    string? DriverPackageVersion,
    string? Problem,
    IReadOnlyList<CudaDeviceReport> Devices,
    CudaBuildsReport Builds,
    string? CublasLtLibrary = null,
    string? CublasLtVersion = null);

/// <summary>One GPU.</summary>
/// <param name="Ordinal">N of <c>cuda:N</c>.</param>
/// <param name="Name">Marketing name.</param>
/// <param name="Uuid">As nvidia-smi prints it.</param>
/// <param name="Architecture">Compute capability.</param>
/// <param name="Multiprocessors">Number of streaming multiprocessors.</param>
/// <param name="TotalMemory">Bytes.</param>
/// <param name="FreeMemory">Bytes free now.</param>
/// <param name="L2Cache">Bytes.</param>
/// <param name="SharedMemoryPerBlock">Most bytes that one block may use.</param>
/// <param name="PeakBandwidth">Bytes a second of the memory bus by clock and width; 0 where unknown.</param>
/// <param name="EccEnabled">Whether memory errors are corrected.</param>
/// <param name="PowerLimit">Watts, or null without NVML.</param>
/// <param name="MaxClock">MHz, or null without NVML.</param>
/// <param name="Problem">Why btrm cannot use this GPU, or null when it can.</param>
public sealed record CudaDeviceReport(
    int Ordinal,
    string Name,
    string Uuid,
    CudaArchitecture Architecture,
    int Multiprocessors,
    long TotalMemory,
    long FreeMemory,
    int L2Cache,
    int SharedMemoryPerBlock,
    double PeakBandwidth,
    bool EccEnabled,
    double? PowerLimit,
    int? MaxClock,
    string? Problem);

/// <summary>Where kernels' code would come from.</summary>
/// <param name="Images">The compiled kernels that this build carries; none in a build that was not made for release.</param>
/// <param name="ImageBytes">What they take in the program, compressed.</param>
/// <param name="SourceFiles">Embedded .cu files.</param>
/// <param name="Kernels">Kernels in them.</param>
/// <param name="NvrtcLibrary">Path or name of the NVRTC that loaded, or null.</param>
/// <param name="NvrtcVersion">Its version, or null.</param>
/// <param name="NvrtcArchitectures">What it compiles for: 80, 90 ...</param>
/// <param name="NvrtcProblem">Why it cannot be used although it is there, or null.</param>
/// <param name="CacheFolder">Folder of compiled kernels.</param>
/// <param name="CacheEntries">Entries in it.</param>
/// <param name="CacheBytes">Their bytes.</param>
/// <param name="CacheWritable">Whether new entries can be written.</param>
public sealed record CudaBuildsReport(
    IReadOnlyList<KernelImagesReport> Images,
    long ImageBytes,
    int SourceFiles,
    int Kernels,
    string? NvrtcLibrary,
    string? NvrtcVersion,
    IReadOnlyList<int> NvrtcArchitectures,
    string? NvrtcProblem,
    string CacheFolder,
    int CacheEntries,
    long CacheBytes,
    bool CacheWritable);

/// <summary>Compiled kernels of one target.</summary>
/// <param name="Target">sm_90a: machine code; compute_80: PTX.</param>
/// <param name="Compiler">Who made them.</param>
/// <param name="IsCurrent">Whether from the sources that this build carries; else they are not used.</param>
public sealed record KernelImagesReport(string Target, string Compiler, bool IsCurrent)
{
    /// <summary>Whether a GPU of <paramref name="architecture"/> can run them, given a driver that is new enough.</summary>
    public bool Serves(CudaArchitecture architecture) =>
        Target == architecture.Target || (Target == Builds.KernelImageFile.PortableTarget && architecture.IsSupported);
}
